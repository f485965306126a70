internal import ImageData
internal import Synchronization
internal import Testing

/// What a loader reports from its threads.
private final class Reports: Sendable {
  let images = Mutex<[BrokenImage]>([])
}

@Suite struct BrokenImageTests {
  @Test(arguments: [1, 4]) func takesTheNextGoodImageInstead(_ workers: Int) throws {
    var wholeOrder: [Int] = []
    try withDrawnFolder(200) { folder in
      wholeOrder = try batches(4, of: folder, batch: 50).flatMap(\.images)
    }
    // Two that follow each other, so that the stand-in of the first is broken too.
    let broken = Set(wholeOrder[60...61])
    try withDrawnFolder(200, broken: broken) { folder in
      let reports = Reports()
      var options = BatchLoaderOptions(imageSize: drawnSize, globalBatchSize: 50)
      options.workerCount = workers
      let loader = try BatchLoader(folder, options) { image in
        reports.images.withLock { $0.append(image) }
      }
      let loaded = try (0..<8).map { _ in try loader.next() }
      var expected = wholeOrder
      expected.replaceSubrange(60...61, with: [wholeOrder[62], wholeOrder[62]])
      #expect(loaded[..<4].flatMap(\.images) == expected)
      for batch in loaded {
        #expect(batch.labels == batch.images.map { drawnLabel($0, of: 200) })
        #expect(zip(batch.images, 0...).allSatisfy { batch.pixels[12 * $1 + 1] == UInt8($0) })
      }
      let paths = broken.sorted().map { folder.path(at: $0) }
      #expect(loader.brokenImages.map(\.path) == paths)
      #expect(loader.brokenImages.allSatisfy { $0.reason.contains("'\($0.path)'") })
      #expect(reports.images.withLock { $0.map(\.path).sorted() } == paths)
    }
  }

  @Test func beginsAnewAfterTheLastImageOfAnEpoch() throws {
    var order: [Int] = []
    try withDrawnFolder(100) { folder in
      order = try batches(1, of: folder, batch: 100)[0].images
    }
    try withDrawnFolder(100, broken: [order[99]]) { folder in
      let loaded = try batches(1, of: folder, batch: 100)
      #expect(loaded[0].images == order[..<99] + [order[0]])
    }
  }

  @Test(arguments: [1, 4]) func stopsAtMoreThanOneInAHundred(_ workers: Int) throws {
    try withDrawnFolder(600, broken: [3, 50, 120, 200, 300, 400, 500]) { folder in
      var options = BatchLoaderOptions(imageSize: drawnSize, globalBatchSize: 100)
      options.workerCount = workers
      let loader = try BatchLoader(folder, options)
      let error = try #require(
        #expect(throws: ImageError.self) { while true { _ = try loader.next() } })
      #expect(error.message.contains("more than 1 % of the 600 images in '\(folder.path)'"))
      #expect(error.message.contains(folder.path(at: 50)) || error.message.contains("such as"))
      #expect(throws: ImageError.self) { try loader.next() }
    }
  }

  /// A few broken images do not stop a small set, unless they are a large part of it.
  @Test(arguments: [(24, 5), (19, 4), (8, 2), (4, 1), (3, 0), (100, 5), (500, 5), (700, 7)])
  func bearsAFew(_ count: Int, _ limit: Int) throws {
    try withDrawnFolder(count) { folder in #expect(folder.brokenImageLimit == limit) }
  }

  @Test func trainsOnASmallSetWithOneBrokenImage() throws {
    try withDrawnFolder(24, broken: [7]) { folder in
      let loader = try BatchLoader(
        folder, BatchLoaderOptions(imageSize: drawnSize, globalBatchSize: 24))
      for _ in 0..<3 { #expect(try !loader.next().images.contains(7)) }
      #expect(loader.brokenImages.count == 1)
    }
    try withDrawnFolder(24, broken: Set(0..<6)) { folder in
      let error = try #require(
        #expect(throws: ImageError.self) { try batches(1, of: folder, batch: 24) })
      #expect(error.message.contains("more than 5 of the 24 images in '\(folder.path)'"))
      #expect(error.message.contains("6 so far, such as: cannot read the image"))
    }
  }

  @Test func stopsWhereNothingIsGood() throws {
    try withDrawnFolder(3, broken: [0, 1, 2]) { folder in
      #expect(throws: ImageError.self) { try batches(1, of: folder, batch: 3) }
    }
  }
}
