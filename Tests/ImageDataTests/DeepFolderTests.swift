internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing

/// Images in folders below the class folders.
@Suite struct DeepFolderTests {
  private func files(_ names: [String], in folder: String) throws {
    for name in names { try write([0], to: folder + "/" + name) }
  }

  private func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  private func names(_ images: ImageFolder) -> [String] {
    (0..<images.count).map { images.relativePath(at: $0) }
  }

  /// The order of torchvision 0.24's `make_dataset`: `sorted(os.walk(...))`, then sorted files.
  @Test func ordersImagesAsTorchvisionDoes() throws {
    try withTemporaryFolder { folder in
      let expected = [
        "n1/b.png", "n1/z.JPEG", "n1/a/1.png", "n1/a-b/1.png", "n1/a/c/2.png", "n1/a0/3.png",
        "n2/images/0.JPEG", "n2/images/é.png",
      ]
      try files(expected.reversed(), in: folder)
      let images = try ImageFolder(folder)
      #expect(names(images) == expected)
      #expect((0..<8).map(images.label) == [0, 0, 0, 0, 0, 0, 1, 1])
      #expect(images.findings == [])
    }
  }

  @Test func tellsOfHiddenFoldersAndImages() throws {
    try withTemporaryFolder { folder in
      try files(
        [
          "n1/0.png", ".thumbnails/0.png", "n1/.cache/1.png", "n1/._0.png", "n1/.DS_Store",
          ".gitignore", "n1/.x.webp",
        ], in: folder)
      let images = try ImageFolder(folder)
      #expect(names(images) == ["n1/0.png"] && images.classNames == ["n1"])
      #expect(
        images.findings
          == [.hiddenEntries([".thumbnails", "n1/._0.png", "n1/.cache", "n1/.x.webp"])])
      #expect(
        images.findings.map(\.description) == [
          "left out 4 entries ('.thumbnails', 'n1/._0.png', 'n1/.cache', ...) whose names begin with a"
            + " dot"
        ])
    }
  }

  @Test func tellsOfHiddenFoldersWhereThereAreNoOthers() throws {
    try withTemporaryFolder { folder in
      try files([".n1/0.png"], in: folder)
      let error = #expect(throws: ImageError.self) { try ImageFolder(folder) }
      #expect(error?.message.contains("'.n1') whose names begin with a dot") == true)
    }
  }

  @Test func followsLinksButNotInCircles() throws {
    try withTemporaryFolder { folder in
      try files(["data/a/1.png", "elsewhere/deep/2.png"], in: folder)
      let data = folder + "/data"
      try link(data + "/a/more.png", to: "../../elsewhere")
      try link(data + "/b", to: folder + "/elsewhere")
      try link(data + "/a/up", to: "..")
      try link(folder + "/elsewhere/deep/itself", to: ".")
      try link(data + "/a/gone.png", to: "nowhere.png")
      let images = try ImageFolder(data)
      #expect(
        names(images) == [
          "a/1.png", "a/gone.png", "a/more.png/deep/2.png", "b/deep/2.png",
        ])
      #expect(images.classNames == ["a", "b"])
      #expect(
        images.findings.map(\.description) == [
          "left out what is no image: 3 entries ('a/more.png/deep/itself', 'a/up', 'b/deep/itself')"
        ])
    }
  }

  @Test func namesDeeperImagesThatItCannotRead() throws {
    try withTemporaryFolder { folder in
      try files(["a/x/1.webp", "a/y/2.txt", "a/z/3.png", "b/x/4.tiff"], in: folder)
      let images = try ImageFolder(folder)
      #expect(names(images) == ["a/z/3.png"])
      #expect(
        images.findings == [
          .emptyClasses(["b"]), .unreadImages(["a/x/1.webp", "b/x/4.tiff"]),
          .otherEntries(["a/y"]),
        ])
    }
  }

  /// Such as an archive's folder of `train` and `val`, taken for one class.
  @Test func saysThatDeeperFoldersAreNoClasses() throws {
    try withTemporaryFolder { folder in
      try files(["data/train/a/1.png", "data/train/b/2.png", "data/val/a/3.png"], in: folder)
      let images = try ImageFolder(folder)
      #expect(images.classNames == ["data"] && images.count == 3)
      #expect(
        images.findings.map(\.description) == [
          "images lie in 3 folders ('data/train/a', 'data/train/b', 'data/val/a') below the class"
            + " folders; these are no classes of their own"
        ])
      try files(["data/0.png"], in: folder)
      #expect(try ImageFolder(folder).findings == [])
    }
  }

  @Test func takesTheTrainingPartWithDeeperImages() throws {
    try withTemporaryFolder { folder in
      try files(["train/n1/images/1.png", "train/n2/images/2.png", "val/images/3.png"], in: folder)
      let images = try ImageFolder(folder)
      #expect(images.path == folder + "/train" && images.classNames == ["n1", "n2"])
    }
    try withTemporaryFolder { folder in
      try files(["train/cat/1.png", "val/cat/2.png", "more/cats/3.png"], in: folder)
      #expect(try ImageFolder(folder).classNames == ["cat"])
    }
  }

  @Test func takesAClassTrainWithDeeperImages() throws {
    try withTemporaryFolder { folder in
      try files(["bus/images/1.png", "train/images/2.png", "car/images/3.png"], in: folder)
      let images = try ImageFolder(folder)
      #expect(images.classNames == ["bus", "car", "train"] && images.count == 3)
      #expect(
        images.findings.map(\.description) == [
          "took 'train' for a class: it has a folder 'images' alone, as 'bus' has one"
        ])
    }
  }
}
