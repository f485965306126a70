internal import ImageData
internal import TestSupport
internal import Testing

@Suite struct ImageFolderTests {
  private func files(_ names: [String], in folder: String) throws {
    for name in names { try write([0], to: folder + "/" + name) }
  }

  private func names(_ images: ImageFolder) -> [String] {
    (0..<images.count).map { String(images.path(at: $0).dropFirst(images.path.count + 1)) }
  }

  private func labels(_ images: ImageFolder) -> [Int] {
    (0..<images.count).map { images.label(at: $0) }
  }

  private func failure(_ path: String) throws -> String {
    try #require(#expect(throws: ImageError.self) { try ImageFolder(path) }).message
  }

  @Test func ordersClassesAndImagesByTheBytesOfTheirNames() throws {
    try withTemporaryFolder { folder in
      let expected = ["B/10.JPEG", "B/9.png", "B/Z.bmp", "a/a.Jpg", "a/b.jpeg", "é/x.PNG"]
      try files(expected.reversed(), in: folder)
      let images = try ImageFolder(folder)
      #expect(names(images) == expected)
      #expect(labels(images) == [0, 0, 0, 1, 1, 2])
      #expect(images.classNames == ["B", "a", "é"])
      #expect(images.classCount == 3)
      #expect(images.findings.map(\.description) == [])
    }
  }

  @Test func saysWhatItPassesOver() throws {
    try withTemporaryFolder { folder in
      try files(
        [
          "a/1.png", "a/.2.png", "a/3.webp", "a/more/5.txt", ".git/5.png", "b/notes.txt", "6.png",
          "c/7.png", "readme", "8.GIF",
        ], in: folder)
      let images = try ImageFolder(folder)
      #expect(names(images) == ["a/1.png", "c/7.png"])
      #expect(labels(images) == [0, 2])
      #expect(images.classNames == ["a", "b", "c"])
      #expect(
        images.findings.map(\.description) == [
          "kept 1 class ('b') without images",
          "left out 1 image ('6.png') outside class folders",
          "left out 2 images ('8.GIF', 'a/3.webp') of kinds that are not read; convert them to PNG or"
            + " JPEG",
          "left out 2 entries ('.git', 'a/.2.png') whose names begin with a dot",
          "left out what is no image: 3 entries ('readme', 'a/more', 'b/notes.txt')",
        ])
    }
  }

  @Test func takesTheTrainingPart() throws {
    try withTemporaryFolder { folder in
      try files(["train/a/1.png", "val/a/2.png"], in: folder)
      let images = try ImageFolder(folder)
      #expect(images.path == folder + "/train")
      #expect(names(images) == ["a/1.png"])
      #expect(images.findings.map(\.description) == ["took the class folders in '\(folder)/train'"])
    }
  }

  @Test func readsAClassNamedTrainAsAClass() throws {
    try withTemporaryFolder { folder in
      try files(["train/1.png", "bus/2.png"], in: folder)
      #expect(try ImageFolder(folder).classNames == ["bus", "train"])
    }
  }

  @Test func readsATable() throws {
    try withTemporaryFolder { folder in
      try files(["one.JPEG", "with, comma.jpg", "sub/3.png"], in: folder)
      let text = """
        image,caption,class\r
        one.JPEG,"a ""quoted"" frog, in
        two lines",31\r

        "with, comma.jpg",,0
        sub/3.png,plain,779
        """
      try write(Array("\u{FEFF}".utf8) + text.utf8, to: folder + "/image_caption.csv")
      let images = try ImageFolder(folder)
      #expect(names(images) == ["one.JPEG", "with, comma.jpg", "sub/3.png"])
      #expect(labels(images) == [31, 0, 779])
      #expect(images.classCount == 780)
      #expect(images.classNames == [])
    }
  }

  @Test func readsATableOfAnotherSystem() throws {
    try withTemporaryFolder { folder in
      try files(["a.png", "sub/b.png", #"c\d.png"#], in: folder)
      let lines = ["image,class", "a.png,1", #"sub\b.png,0"#, #"c\d.png,2"#]
      let units = ("\u{FEFF}" + lines.joined(separator: "\r\n")).utf16
      let tables = [
        Array("\u{FEFF}".utf8) + Array(lines.joined(separator: "\r\n").utf8),
        Array(lines.joined(separator: "\r").utf8),
        units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] },
      ]
      for table in tables {
        try write(table, to: folder + "/image_caption.csv")
        let images = try ImageFolder(folder)
        #expect(names(images) == ["a.png", "sub/b.png", #"c\d.png"#])
        #expect(labels(images) == [1, 0, 2])
      }
    }
  }

  @Test(arguments: [
    ("", "line 1: the head must name the columns image and class"),
    ("image,caption\na.png,x", "line 1: the head must name the columns image and class"),
    ("image,class", "no image follows the head"),
    ("image,caption,class\na.png,\"x\ny\",1\na.png,1", "line 4: 2 values for 3 columns"),
    ("image,class\na.png,frog", "line 2: the class is 'frog'"),
    ("image,class\na.png,-1", "line 2: the class is '-1'"),
    ("image,class\na.png,99999999999", "line 2: the class is '99999999999'"),
    ("image,class\na.png,3000000", "it must be a number from 0 to 99999"),
    ("image,class\na.png,1\nb.png,1", "line 3: there is no file"),
    ("image,class\na.png,\"1", "line 2: a quotation mark is not closed"),
  ])
  func pointsAtMistakesInATable(_ text: String, _ expected: String) throws {
    try withTemporaryFolder { folder in
      try files(["a.png"], in: folder)
      try write(text.utf8, to: folder + "/image_caption.csv")
      let message = try failure(folder)
      #expect(message.contains(expected))
      #expect(message.contains(folder + "/image_caption.csv"))
    }
  }

  @Test func saysWhatIsMissing() throws {
    try withTemporaryFolder { folder throws in
      #expect(try failure(folder + "/none").contains("'\(folder)/none': no such folder"))
      #expect(try failure(folder).contains("no class folders in '\(folder)'; expected"))
      try files(["a.png"], in: folder)
      #expect(try failure(folder + "/a.png").contains("it is a file"))
      #expect(try failure(folder).contains("no class folders in '\(folder)', but 1 images"))
      try files(["a/b.webp"], in: folder)
      #expect(try failure(folder).contains("no images in the class folders of '\(folder)'"))
      #expect(try failure(folder).contains("convert the 1 image ('a/b.webp') of other kinds"))
    }
  }

  @Test func takesAFolderForAFolder() throws {
    try withTemporaryFolder { folder in
      try files(
        [
          "shoe.png/1.png", "a/x.JPG/2.png", "a/empty.bmp/.keep", "a/3.png",
          "image_caption.csv/4.png",
        ],
        in: folder)
      let images = try ImageFolder(folder)
      #expect(images.classNames == ["a", "image_caption.csv", "shoe.png"])
      #expect(
        names(images) == ["a/3.png", "a/x.JPG/2.png", "image_caption.csv/4.png", "shoe.png/1.png"])
      #expect(
        images.findings.map(\.description) == [
          "left out what is no image: 1 entry ('a/empty.bmp')"
        ])
      try write("image,class\na,0\n".utf8, to: folder + "/a/image_caption.csv")
      #expect(try failure(folder + "/a").contains("line 2: there is no file"))
      try write("image,class\nx.JPG,0\n".utf8, to: folder + "/a/image_caption.csv")
      #expect(try failure(folder + "/a").contains("line 2: it is a folder: '\(folder)/a/x.JPG'"))
    }
  }

  @Test func leavesOutTheFoldersOfSystems() throws {
    try withTemporaryFolder { folder in
      try files(
        [
          "a/1.png", "a/@eaDir/1.png/thumb.png", "__MACOSX/a/2.png", "$RECYCLE.BIN/3.png",
          "lost+found/4.png",
        ], in: folder)
      let images = try ImageFolder(folder)
      #expect(images.classNames == ["a"] && names(images) == ["a/1.png"])
      #expect(
        images.findings.map(\.description) == [
          "left out 4 folders ('$RECYCLE.BIN', '__MACOSX', 'lost+found', ...) of systems and file"
            + " servers"
        ])
    }
  }

  @Test func namesWhatIsNotUTF8() throws {
    try withTemporaryFolder { folder in
      try files(["a/1.png", "b/2.png"], in: folder)
      let name = Array("caf".utf8) + [0xE9]
      try makeEntry(name + Array(".txt".utf8), in: folder + "/a", isFolder: false)
      #expect(
        try ImageFolder(folder).findings.map(\.description) == [
          "left out what is no image: 1 entry ('a/caf\\xE9.txt')"
        ])
      try makeEntry(name, in: folder, isFolder: true)
      let one = try failure(folder)
      #expect(
        one.contains("'\(folder)' has 1 entry ('caf\\xE9') whose name is not UTF-8; rename it"))
      try makeEntry(name + Array(".png".utf8), in: folder + "/b", isFolder: false)
      #expect(try failure(folder).contains("2 entries ('caf\\xE9', 'b/caf\\xE9.png')"))
    }
  }
}
