internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct FileStampTests {
  @Test func tellsStatesOfAFileApart() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      try AtomicFile.write("one", to: path)
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/link", withDestinationPath: "a")
      let first = try FileStamp.text(of: path)
      #expect(first.contains("/a' of 3 bytes, changed 20"))
      #expect(try FileStamp.text(of: folder + "/link") == first)
      try AtomicFile.write("two", to: path)
      try makeNewer(path)
      #expect(try FileStamp.text(of: path) != first)
      #expect(throws: FileError.self) { try FileStamp.text(of: folder + "/absent") }
    }
  }

  @Test func looksIntoFolders() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/model/deep")
      try AtomicFile.write("one", to: folder + "/model/deep/a")
      try AtomicFile.write("three", to: folder + "/model/b")
      let first = try FileStamp.text(of: folder + "/model")
      #expect(first.contains("/model' of 8 bytes, "))
      try AtomicFile.write("two", to: folder + "/model/deep/a")
      try makeNewer(folder + "/model/deep/a")
      #expect(try FileStamp.text(of: folder + "/model") != first)
    }
  }

  /// Sets a later time: the file system's clock ticks only every few milliseconds.
  private func makeNewer(_ path: String) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 4_000_000_000)], ofItemAtPath: path)
  }
}
