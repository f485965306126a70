internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import TestSupport
internal import Testing
internal import Torch
internal import Training

@Suite struct CacheDataTests {
  /// Stands for an autoencoder: moments that show each pixel.
  private struct Mirror: Autoencoder {
    let downsamplingFactor = 1
    let latentChannelCount = 3
    let defaultScaleFactor = 0.5
    let hasPosterior = true
    let canEncode = true
    let canDecode = true

    func encode(_ images: Tensor) -> LatentDistribution {
      LatentDistribution(mean: images * 2, logVariance: images * 0.5)
    }

    func encode(_ images: Tensor, check: () throws -> Void) throws -> LatentDistribution {
      for _ in 0..<5 { try check() }
      return encode(images)
    }

    func decode(_ latents: Tensor) -> Tensor { latents * 0.5 }
  }

  /// Calls `body` with so many images, none its own mirror image, and their cache.
  private func withCache(
    _ count: Int, broken: Set<Int> = [],
    handle: @escaping (LatentCacheBuilder.Event) throws -> Void = { _ in },
    _ body: (ImageFolder, LatentCache) throws -> Void
  ) throws {
    try withTemporaryFolder { path in
      for number in 0..<count {
        let name = "\(path)/images/\(number % 3)"
        try Folder.make(name)
        let image = RGBImage(
          width: 2, height: 2, pixels: (0..<12).map { UInt8(($0 * 20 + number) % 256) })
        let bytes = broken.contains(number) ? Array("no image".utf8) : try image.png()
        try bytes.withUnsafeBytes {
          try AtomicFile.write(contentsOf: $0, to: "\(name)/\(1000 + number).png")
        }
      }
      let folder = try ImageFolder(path + "/images")
      var settings = LatentCacheSettings(
        folder, imageSize: 2, codec: LatentCodec(Mirror()), kind: "Mirror", checksum: "0")
      settings.shardSize = 7
      var options = LatentCacheBuilder.Options()
      options.batchSize = 3
      let builder = LatentCacheBuilder(
        path + "/cache", folder: folder, autoencoder: Mirror(), settings: settings,
        options: options, device: .cpu)
      do {
        _ = try builder.build(handle)
      } catch {
        #expect(!Folder.hasFile(path + "/cache/shard-00000.safetensors"))
        throw error
      }
      try body(folder, try LatentCache(path + "/cache"))
    }
  }

  private func options(_ change: (inout BatchLoaderOptions) -> Void) -> BatchLoaderOptions {
    var options = BatchLoaderOptions(imageSize: 2, globalBatchSize: 8)
    options.seed = 5
    options.workerCount = 1
    change(&options)
    return options
  }

  private func expectSame(
    _ count: Int, _ folder: any TrainingData, _ cache: any TrainingData,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    for _ in 0..<count {
      let (expected, batch) = (try folder.next(), try cache.next())
      guard case .images(let images) = expected.content,
        case .moments(let mean, let logVariance) = batch.content
      else {
        Issue.record("batches of another kind", sourceLocation: location)
        return
      }
      let latents = Mirror().encode(images)
      let variance = try #require(logVariance)
      let deviation = try #require(latents.logVariance)
      #expect(relativeError(mean, latents.mean) == 0, sourceLocation: location)
      #expect(relativeError(variance, deviation) == 0, sourceLocation: location)
      #expect(
        batch.labels.elements(Int.self) == expected.labels.elements(Int.self),
        sourceLocation: location)
    }
  }

  private func compare(
    _ folder: ImageFolder, _ cache: LatentCache,
    _ change: (inout BatchLoaderOptions) -> Void = { _ in }
  ) throws {
    let options = options(change)
    let classes = folder.classNames
    let expected = try FolderData(
      folder, options: options, microBatchSize: 2, classNames: classes, hasPosterior: true
    ) { _ in }
    let data = try CacheData(cache, options: options, microBatchSize: 2, classNames: classes)
    #expect(data.imageCount == folder.count && data.hasPosterior)
    // More than two epochs.
    try expectSame(folder.count * 5 / 4, expected, data)
    try expected.seek(sampleCount: 3 * options.globalBatchSize)
    data.seek(sampleCount: 3 * options.globalBatchSize)
    try expectSame(5, expected, data)
  }

  @Test func givesTheRowsOfTheFolder() throws {
    try withCache(25) { folder, cache in
      try compare(folder, cache)
      try compare(folder, cache) { $0.mirrors = false }
      try compare(folder, cache) { $0.dropsLast = false }
      try compare(folder, cache) { ($0.rank, $0.worldSize) = (1, 2) }
      try compare(folder, cache) { $0.startPosition = 16 }
    }
  }

  @Test func replacesUnreadableImagesAsTheFolderDoes() throws {
    try withCache(101, broken: [50]) { folder, cache in try compare(folder, cache) }
  }

  @Test func refusesBatchesThatCannotBeFilled() throws {
    try withCache(4) { folder, cache in
      #expect(throws: ImageError.self) {
        try CacheData(
          cache, options: options { _ in }, microBatchSize: 2, classNames: folder.classNames)
      }
    }
  }

  // Images and their mirror images in two passes of five steps, before the first are done.
  @Test func stopsWhileImagesAreEncoded() throws {
    var events = 0
    #expect(throws: CancellationError.self) {
      try withCache(
        3,
        handle: { event in
          if case .progress(0) = event { events += 1 } else { Issue.record("too late") }
          if events == 8 { throw CancellationError() }
        }
      ) { _, _ in Issue.record("not stopped") }
    }
    #expect(events == 8)
  }
}
