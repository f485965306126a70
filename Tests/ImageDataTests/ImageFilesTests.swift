internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing

@Suite struct ImageFilesTests {
  private func write(_ names: [String], in folder: String) throws {
    let image = RGBImage(width: 3, height: 2, pixels: [UInt8](repeating: 9, count: 18))
    for name in names {
      try Folder.make(Folder.parent(of: folder + "/" + name))
      try Data(try image.png()).write(to: URL(filePath: folder + "/" + name))
    }
  }

  @Test func listsImagesOfAllFolders() throws {
    try withTemporaryFolder { folder in
      try write(["z.png", "a.png", "b/2.png", "b/deep/1.png", "c/1.png", "grid.png"], in: folder)
      let files = try ImageFiles(folder, leavingOut: ["grid.png"])
      #expect(
        (0..<files.count).map(files.relativePath) == [
          "a.png", "z.png", "b/2.png", "b/deep/1.png", "c/1.png",
        ])
      #expect(files.folders == ["b", "c"])
      #expect((0..<files.count).map(files.folder) == [nil, nil, 0, 0, 1])
    }
  }

  @Test func takesTheFolderTrain() throws {
    try withTemporaryFolder { folder in
      try write(["train/a/1.png", "val/a/2.png"], in: folder)
      let files = try ImageFiles(folder)
      #expect(files.count == 1 && files.finding == .subfolder(folder + "/train"))
    }
  }

  @Test func refusesAFolderWithoutImages() throws {
    try withTemporaryFolder { folder in
      try Data().write(to: URL(filePath: folder + "/text.txt"))
      #expect(throws: ImageError.self) { try ImageFiles(folder) }
      #expect(throws: ImageError.self) { try ImageFiles(folder + "/missing") }
    }
  }

  /// Those that decoding refuses too.
  @Test func refusesAbsurdSizesInHeads() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      func size(_ bytes: [UInt8], _ place: Int, _ width: UInt32, _ height: UInt32) throws -> [Int]?
      {
        var bytes = bytes
        let isPNG = place == 16
        let numbers = [width, height].flatMap { number in
          withUnsafeBytes(of: isPNG ? number.bigEndian : number.littleEndian) { [UInt8]($0) }
        }
        bytes.replaceSubrange(place..<place + 8, with: numbers)
        try Data(bytes).write(to: URL(filePath: path))
        return RGBImage.size(ofFile: path).map { [$0.width, $0.height] }
      }
      let (png, bmp) = (try fixtureBytes("color.png"), try fixtureBytes("color.bmp"))
      for (bytes, place) in [(png, 16), (bmp, 18)] {
        #expect(try size(bytes, place, 7, 9) == [7, 9])
        let limit = UInt32(RGBImage.maximalPixelCount)
        #expect(try size(bytes, place, limit, 1) == [Int(limit), 1])
        for (width, height) in [
          (0, 0), (0, 5), (5, 0), (limit + 1, 1), (1 << 16, 1 << 16),
          (UInt32(Int32.max), UInt32(Int32.max)),
        ] {
          #expect(try size(bytes, place, width, height) == nil, "\(width) x \(height)")
        }
      }
      let least = UInt32(bitPattern: Int32.min)
      #expect(try size(bmp, 18, 5, UInt32(bitPattern: -6)) == [5, 6])
      #expect(try size(bmp, 18, 1, least) == nil)
      #expect(try size(bmp, 18, UInt32(bitPattern: -5), 6) == nil)
      #expect(try size(png, 16, .max, .max) == nil)

      // A JPEG: height and width stand five bytes after the marker of its frame.
      var jpeg = try fixtureBytes("color.jpg")
      let frame = try #require(Data(jpeg).range(of: Data([0xFF, 0xC0, 0, 17]))).lowerBound
      jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFD, 0xE8, 0xFD, 0xE8])
      try Data(jpeg).write(to: URL(filePath: path))
      #expect(RGBImage.size(ofFile: path) == nil)
    }
  }

  @Test func readsTheSizeInAHead() throws {
    try withTemporaryFolder { folder in
      try write(["a.png"], in: folder)
      let size = RGBImage.size(ofFile: folder + "/a.png")
      #expect(size?.width == 3 && size?.height == 2)
      try Data("no image".utf8).write(to: URL(filePath: folder + "/b.jpg"))
      #expect(RGBImage.size(ofFile: folder + "/b.jpg") == nil)
      #expect(RGBImage.size(ofFile: folder + "/missing.png") == nil)
    }
  }
}
