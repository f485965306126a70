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
