internal import Diffusion
internal import Evaluation
internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import Parallel
internal import Torch

/// Figures of fresh samples of the moving average, made while a run goes on. All ranks draw a part.
final class RunEvaluation {
  private let settings: TrainingSettings.EvaluationSettings
  private let network: any FeatureNetwork
  private let metrics: [Metric]
  /// On rank 0.
  private let reference: FeatureSet?
  /// The classes to draw, in turn.
  private let classes: [Int]
  private let imageSize: Int
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  /// Time spent on evaluations.
  private var spent = Duration.zero
  /// Of the last evaluation.
  private var cost = Duration.zero

  /// Images that are drawn together.
  private static let batchSize = 8
  /// The seed of the first image, the same in every evaluation.
  private static let seed: UInt64 = 42

  /// Opens the network and makes the features of the reference, on rank 0.
  ///
  /// - Parameters:
  ///   - settings: what is compared.
  ///   - classes: those that have images.
  ///   - imageSize: height and width of samples in pixels.
  ///   - folder: of the run, for the features of the reference; nil on other ranks.
  ///   - device: of the network.
  ///   - parallel: the ranks.
  ///   - note: is told what happens.
  /// - Throws: `EvaluationError`; `ImageError`, `CheckpointError`, `FileError`; `LaunchError` if a rank is
  ///   lost.
  init(
    _ settings: TrainingSettings.EvaluationSettings, classes: [Int], imageSize: Int,
    folder: String?, device: Device, parallel: DataParallel, note: (String) throws -> Void
  ) throws {
    self.settings = settings
    self.classes = classes
    self.imageSize = imageSize
    var opened: EvaluationNetwork?
    var found: (metrics: [Metric], set: FeatureSet)?
    try parallel.draw(step: 0) { mark in
      guard let folder else { return }
      try note("evaluations: features of the reference '\(settings.reference)'")
      let network = try RunEvaluation.network(settings, imageSize: imageSize, folder, device, mark)
      let run = try EvaluationRun(
        samples: nil, reference: try RunEvaluation.reference(settings, imageSize: imageSize),
        network: network.network, networkDigest: network.digest,
        metrics: network.judge == nil ? nil : [.kid], folder: folder + "/evaluation/reference")
      _ = try run.run(check: mark)
      found = (run.metrics, try run.referenceFeatures(check: mark))
      opened = network
    }
    reference = found?.set
    // The judge's file is on rank 0's machine alone.
    let isTrained = settings.features == EvaluationNetwork.judgeName
    let bytes = try parallel.send(isTrained ? try RunEvaluation.judgeBytes(in: folder) : [])
    network =
      try opened?.network
      ?? RunEvaluation.network(of: bytes, or: settings.features, device)
    metrics = found?.metrics ?? Metric.available(for: network)
    start = clock.now
  }

  /// Whether a step's evaluation leaves evaluations within their share of the time.
  ///
  /// - Parameters:
  ///   - step: of the run.
  ///   - parallel: rank 0 decides for all.
  /// - Returns: the same on all ranks.
  /// - Throws: `LaunchError` if a rank is lost.
  func isDue(at step: Int, _ parallel: DataParallel) throws -> Bool {
    guard step.isMultiple(of: settings.interval) else { return false }
    let passed = start.duration(to: clock.now)
    let fits = (spent + cost) <= (passed + cost) * settings.share
    return try parallel.send([fits || spent == .zero ? 1 : 0 as UInt8]) == [1]
  }

  /// The share of the time since the start that evaluations took.
  var shareSpent: Double { spent / max(start.duration(to: clock.now), .milliseconds(1)) }

  /// Draws images and compares them. All ranks call it together.
  ///
  /// - Parameters:
  ///   - sampler: of the weights.
  ///   - step: of the run.
  ///   - parallel: the ranks.
  ///   - check: called between steps; throws to stop.
  /// - Returns: the figures, on rank 0.
  /// - Throws: `EvaluationError`; `TorchError`; `LaunchError` if a rank is lost; what `check` throws.
  func figures(
    _ sampler: TrainedSampler, step: Int, _ parallel: DataParallel, check: () throws -> Void
  ) throws -> Figures? {
    let begin = clock.now
    defer {
      cost = begin.duration(to: clock.now)
      spent += cost
    }
    try parallel.enter(.draw, step: step)
    let features = try drawFeatures(sampler, parallel, check)
    var figures: Figures?
    try parallel.draw(step: step) { mark in
      guard let reference else { return }
      var builder = FeatureSetBuilder(
        FeatureWidths(of: network), capacity: settings.sampleCount,
        need: Metric.sampleNeed(of: metrics, count: settings.sampleCount))
      try builder.add(features, first: 0)
      figures = try Evaluation.figures(
        of: try builder.finish(), reference: reference, network: network.name, metrics: metrics,
        check: mark)
    }
    return figures
  }

  /// The features of all samples, on every rank; each rank draws the batches of its number.
  private func drawFeatures(
    _ sampler: TrainedSampler, _ parallel: DataParallel, _ check: () throws -> Void
  ) throws -> ImageFeatures {
    let widths = FeatureWidths(of: network)
    let count = settings.sampleCount
    let pooled = Tensor.zeros([count, widths.pooled])
    let spatial = widths.spatial.map { Tensor.zeros([count, $0]) }
    let logits = widths.logits.map { Tensor.zeros([count, $0]) }
    var (slices, roots): ([Tensor], [Int]) = ([], [])
    for (number, first) in stride(from: 0, to: count, by: Self.batchSize).enumerated() {
      let rows = first..<min(first + Self.batchSize, count)
      let root = number % parallel.count
      for tensor in [pooled, spatial, logits].compactMap({ $0 }) {
        slices.append(tensor[rows])
        roots.append(root)
      }
      guard root == parallel.rank else { continue }
      let labels = rows.map { classes[$0 % classes.count] }
      let noise = try rows.map { try Generator(seed: Self.seed + UInt64($0)) }
      let images = try sampler.images(
        labels: labels, options: settings.sampling, noise: .perSample(noise), mark: check)
      let pixels = try withTorchErrors {
        Tensor(images.flatMap(\.pixels), shape: [rows.count, imageSize, imageSize, 3])
      }
      let found = try network.features(of: pixels, check: check)
      try withTorchErrors {
        pooled[rows].copyInPlace(from: found.pooled)
        if let part = found.spatial { spatial?[rows].copyInPlace(from: part) }
        if let part = found.logits { logits?[rows].copyInPlace(from: part) }
      }
    }
    try parallel.send(slices, from: roots)
    return ImageFeatures(pooled: pooled, spatial: spatial, logits: logits)
  }

  /// Checks that reference and network can be opened, before anything is written.
  ///
  /// - Throws: `EvaluationError`; `ImageError`, `CheckpointError`, `FileError`.
  static func check(
    _ settings: TrainingSettings.EvaluationSettings, imageSize: Int
  ) throws {
    let reference = try reference(settings, imageSize: imageSize)
    if let images = reference.images, (images.height, images.width) != (imageSize, imageSize) {
      throw EvaluationError(
        .otherSize,
        "'\(reference.name)' has images of \(images.width) x \(images.height) pixels, and samples are"
          + " \(imageSize) x \(imageSize)")
    }
    if settings.features != EvaluationNetwork.judgeName {
      _ = try FeatureFile(settings.features)
    } else {
      _ = try ImageFolder(settings.reference)
    }
  }

  private static func reference(
    _ settings: TrainingSettings.EvaluationSettings, imageSize: Int
  ) throws -> EvaluationReference {
    guard Folder.exists(settings.reference) else {
      return .archive(try ReferenceArchive(settings.reference))
    }
    return .images(try FolderImages(settings.reference, imageSize: imageSize))
  }

  private static func network(
    _ settings: TrainingSettings.EvaluationSettings, imageSize: Int, _ folder: String,
    _ device: Device, _ mark: () throws -> Void
  ) throws -> EvaluationNetwork {
    guard settings.features == EvaluationNetwork.judgeName else {
      return try EvaluationNetwork(contentsOf: settings.features, on: device)
    }
    return try EvaluationNetwork(
      judgeOf: try ImageFolder(settings.reference), keptAt: folder + "/evaluation/" + judgeFile,
      imageSize: imageSize, onEvent: { _ in }, check: mark)
  }

  private static let judgeFile = "judge.safetensors"

  private static func judgeBytes(in folder: String?) throws -> [UInt8] {
    guard let folder else { return [] }
    let file = try MappedFile(folder + "/evaluation/" + judgeFile)
    return withExtendedLifetime(file) { Array(file.bytes) }
  }

  private static func network(
    of judge: [UInt8], or path: String, _ device: Device
  ) throws -> any FeatureNetwork {
    guard !judge.isEmpty else { return try EvaluationNetwork(contentsOf: path, on: device).network }
    let folder = try Folder.makeTemporary(in: FileManager.default.temporaryDirectory.path)
    defer { try? Folder.remove(folder) }
    try judge.withUnsafeBytes {
      try AtomicFile.write(contentsOf: $0, to: folder + "/" + judgeFile)
    }
    return try EvaluationNetwork(contentsOf: folder + "/" + judgeFile, on: device).network
  }
}
