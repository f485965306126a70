internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct FolderEntryTests {
  @Test func listsEveryNameByItsBytes() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/b")
      try Folder.make(folder + "/a.png")
      for name in ["B", ".hidden", "é", "line\nend"] {
        try AtomicFile.write("", to: folder + "/" + name)
      }
      try makeEntry(Array("caf".utf8) + [0xE9], in: folder, isFolder: true)
      try makeEntry([0xFF, 0xC3, 0xA9], in: folder, isFolder: false)
      let entries = try Folder.entries(in: folder)
      #expect(
        entries.map(\.shownName) == [
          ".hidden", "B", "a.png", "b", "caf\\xE9", "line\\x0Aend", "é", "\\xFFé",
        ])
      #expect(entries.filter { $0.name == nil }.map(\.shownName) == ["caf\\xE9", "\\xFFé"])
      #expect(entries.filter { $0.kind == .folder }.map(\.shownName) == ["a.png", "b", "caf\\xE9"])
      #expect(
        try Folder.names(in: folder).sorted()
          == [
            ".hidden", "B", "a.png", "b", "line\nend", "é",
          ].sorted())
      try Folder.remove(folder)
      #expect(!Folder.exists(folder))
    }
  }

  @Test func followsLinks() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/target")
      try AtomicFile.write("", to: folder + "/file")
      for (name, target) in [("a", "target"), ("b", "file"), ("c", "nowhere"), ("d", "d")] {
        try link(target, from: folder + "/" + name)
      }
      let kinds = try Folder.entries(in: folder).filter { $0.shownName.count == 1 }.map(\.kind)
      #expect(kinds == [.folder, .file, .unknown, .unknown])
    }
  }

  @Test func explainsWhatCannotBeListed() throws {
    try withTemporaryFolder { folder throws in
      try AtomicFile.write("", to: folder + "/file")
      for (name, reason) in [("none", FileError.Reason.missing), ("file", .missing)] {
        let path = folder + "/" + name
        let error = try #require(
          #expect(throws: FileError.self) { try Folder.entries(in: path) })
        #expect(error.reason == reason && error.message.contains("cannot list '\(path)'"))
      }
    }
  }

  @Test func stampsAFolderWithAnyNames() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("12345", to: folder + "/model.bin")
      try makeEntry([0xE9], in: folder, isFolder: false)
      #expect(try FileStamp.text(of: folder).contains("of 5 bytes"))
    }
  }
}
