internal import ImageData
internal import Testing

@Suite struct BatchLoaderTests {
  @Test func loadsPixelsAndLabelsOfTheImagesItNames() throws {
    try withDrawnFolder(10) { folder in
      for batch in try batches(5, of: folder, batch: 4, { $0.mirrors = false }) {
        #expect(batch.pixels == batch.images.flatMap { drawnPixels($0) })
        #expect(batch.labels == batch.images.map { drawnLabel($0, of: 10) })
        #expect((batch.count, batch.imageSize) == (4, drawnSize))
      }
    }
  }

  @Test func doesNotDependOnTheNumberOfWorkers() throws {
    try withDrawnFolder(50) { folder in
      let single = try batches(20, of: folder, batch: 8) { $0.workerCount = 1 }
      for (workers, queued) in [(2, 1), (4, 2), (9, 4)] {
        let several = try batches(20, of: folder, batch: 8) {
          ($0.workerCount, $0.queuedBatchCount) = (workers, queued)
        }
        #expect(several == single)
      }
    }
  }

  @Test func takesEachImageOnceAnEpoch() throws {
    try withDrawnFolder(10) { folder in
      let loaded = try batches(15, of: folder, batch: 4) { $0.dropsLast = false }
      let images = loaded.flatMap(\.images)
      let epochs = (0..<6).map { Array(images[10 * $0..<10 * $0 + 10]) }
      for epoch in epochs { #expect(epoch.sorted() == Array(0..<10)) }
      #expect(Set(epochs).count == 6)
      #expect(loaded.map(\.epoch).prefix(6) == [0, 0, 0, 1, 1, 2])
    }
  }

  @Test func dropsTheRestOfAnEpoch() throws {
    try withDrawnFolder(10) { folder in
      let loaded = try batches(40, of: folder, batch: 4)
      for start in stride(from: 0, to: 40, by: 2) {
        #expect(Set(loaded[start].images + loaded[start + 1].images).count == 8)
        #expect((loaded[start].epoch, loaded[start + 1].epoch) == (start / 2, start / 2))
      }
      #expect(Set(loaded.flatMap(\.images)) == Set(0..<10))
      #expect(loaded.map(\.position) == (0..<40).map { 4 * $0 })
    }
  }

  @Test func drawsAnOrderThatNeverChanges() throws {
    try withDrawnFolder(10) { folder in
      let loaded = try batches(2, of: folder, batch: 10) { $0.seed = 42 }
      #expect(loaded[0].images == [3, 0, 8, 6, 9, 2, 5, 1, 4, 7])
      #expect(loaded[1].images == [9, 0, 2, 3, 8, 7, 5, 1, 6, 4])
      let mirrored = (0..<10).filter { loaded[0].pixels[12 * $0 + 2] == 0 }
      #expect(mirrored == [0, 2, 4, 5, 7])
    }
  }

  @Test func ordersByTheSeed() throws {
    try withDrawnFolder(30) { folder in
      let orders = try (0..<4).map { seed in
        try batches(1, of: folder, batch: 30) { $0.seed = seed }[0].images
      }
      #expect(Set(orders).count == 4)
    }
  }

  @Test func mirrorsHalfOfTheImagesAnewInEachEpoch() throws {
    try withDrawnFolder(100) { folder in
      let loaded = try batches(4, of: folder, batch: 100)
      let mirrored = loaded.map { batch in
        Set(
          batch.images.enumerated().filter { batch.pixels[12 * $0.offset + 2] == 0 }.map(\.element))
      }
      for (batch, numbers) in zip(loaded, mirrored) {
        #expect((25...75).contains(numbers.count))
        #expect(
          batch.pixels == batch.images.flatMap { drawnPixels($0, mirrored: numbers.contains($0)) })
      }
      #expect(Set(mirrored).count == 4)
    }
  }

  @Test func dividesBatchesAmongRanks() throws {
    try withDrawnFolder(31) { folder in
      let whole = try batches(9, of: folder, batch: 12)
      let parts = try (0..<3).map { rank in
        try batches(9, of: folder, batch: 12) { ($0.rank, $0.worldSize) = (rank, 3) }
      }
      for (step, batch) in whole.enumerated() {
        #expect(parts.flatMap { $0[step].images } == batch.images)
        #expect(parts.flatMap { $0[step].pixels } == batch.pixels)
        #expect(parts.flatMap { $0[step].labels } == batch.labels)
        #expect(parts.allSatisfy { $0[step].position == batch.position })
        #expect(parts.allSatisfy { $0[step].nextPosition == batch.nextPosition })
      }
    }
  }

  @Test(arguments: [false, true]) func goesOnFromAnyPosition(_ dropsLast: Bool) throws {
    try withDrawnFolder(23) { folder in
      let whole = try batches(12, of: folder, batch: 4) { $0.dropsLast = dropsLast }
      let rest = try batches(5, of: folder, batch: 4) {
        ($0.dropsLast, $0.startPosition) = (dropsLast, whole[6].nextPosition)
      }
      #expect(rest == Array(whole[7...]))
      let shifted = try batches(4, of: folder, batch: 4) {
        ($0.dropsLast, $0.startPosition) = (dropsLast, 7)
      }
      #expect(shifted.flatMap(\.images) == Array(whole.flatMap(\.images)[7..<23]))
    }
  }

  @Test func endsItsThreadsWhenReleased() throws {
    try withDrawnFolder(20) { folder in
      for count in 0..<20 {
        let loader = try BatchLoader(
          folder, BatchLoaderOptions(imageSize: 64, globalBatchSize: 5))
        for step in 0..<count % 4 { #expect(try loader.next().position == 5 * step) }
        #expect((loader.secondsWaited > 0) == (count % 4 > 0))
        #expect(loader.epochLength == 20)
      }
    }
  }

  @Test func refusesOptionsThatMakeNoSense() throws {
    try withDrawnFolder(3) { folder in
      func failure(_ batch: Int, _ change: (inout BatchLoaderOptions) -> Void) throws -> String {
        var options = BatchLoaderOptions(imageSize: drawnSize, globalBatchSize: batch)
        change(&options)
        return try #require(
          #expect(throws: ImageError.self) { try BatchLoader(folder, options) }
        ).message
      }
      #expect(try failure(4) { _ in }.contains("3 images do not fill a batch of 4"))
      #expect(try failure(0) { _ in }.contains("a batch of 0"))
      #expect(try failure(3) { $0.worldSize = 2 }.contains("divided among 2 processes"))
      #expect(try failure(2) { ($0.rank, $0.worldSize) = (2, 2) }.contains("process number 2"))
      #expect(try failure(1) { $0.imageSize = 0 }.contains("image size of 0"))
      #expect(try failure(1) { $0.startPosition = -1 }.contains("sample -1"))
      #expect(try failure(1) { $0.workerCount = 0 }.contains("0 workers"))
      #expect(try failure(1) { $0.queuedBatchCount = 0 }.contains("0 queued batches"))
      let small = try batches(2, of: folder, batch: 4) { $0.dropsLast = false }
      #expect(small.map(\.count) == [4, 4])
    }
  }
}
