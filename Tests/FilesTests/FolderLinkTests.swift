internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct FolderLinkTests {
  @Test func replacesALink() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/latest"
      for name in ["a", "b"] {
        try Folder.link(path, to: name)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == name)
      }
      #expect(Folder.isLink(path) && !Folder.isLink(folder) && !Folder.isLink(folder + "/none"))
      #expect(try names(in: folder) == ["latest"])
    }
  }

  @Test(arguments: [EPERM, EACCES, ENOTSUP, EOPNOTSUPP, ENOSYS, EINVAL, EROFS])
  func tellsThatAFileSystemHasNoLinks(_ number: Int32) throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: FileError.self) {
        try Folder.link(folder + "/latest", to: "a") { _, _ in number }
      }
      #expect(error?.reason == .noLinks && error?.message.contains("no symbolic links") == true)
      let left = try names(in: folder)
      #expect(left.isEmpty)
    }
  }

  @Test(arguments: [(ENOSPC, FileError.Reason.noSpace), (EIO, .system)])
  func failsOtherwise(_ number: Int32, _ reason: FileError.Reason) throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: FileError.self) {
        try Folder.link(folder + "/latest", to: "a") { _, _ in number }
      }
      #expect(error?.reason == reason)
    }
  }

  /// The same numbers mean that nothing can be written, if a file cannot be made either.
  @Test(arguments: [(EACCES, FileError.Reason.denied), (EPERM, .denied), (EROFS, .denied)])
  func tellsAFolderThatTakesNothing(_ number: Int32, _ reason: FileError.Reason) throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: FileError.self) {
        try Folder.link(folder + "/gone/latest", to: "a") { _, _ in number }
      }
      #expect(error?.reason == reason)
    }
  }

  @Test func makesFoldersAndRemovesThem() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/old")
      let made = try Folder.make(folder + "/old/a/b")
      #expect(made == [folder + "/old/a", folder + "/old/a/b"])
      #expect(try Folder.make(folder + "/old/a/b").isEmpty)
      try AtomicFile.write("", to: folder + "/old/a/file")
      Folder.removeEmpty(made)
      #expect(try Folder.names(in: folder + "/old/a") == ["file"])
      try Folder.remove(folder + "/old/a/file")
      Folder.removeEmpty([folder + "/old/a"])
      #expect(try Folder.names(in: folder + "/old").isEmpty)
      // What cannot be made as a whole leaves no part.
      try AtomicFile.write("", to: folder + "/file")
      #expect(throws: FileError.self) { try Folder.make(folder + "/new/../file/x") }
      #expect(try Folder.names(in: folder) == ["file", "old"])
    }
  }

  @Test func doesNotReplaceAFolder() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/latest")
      let error = #expect(throws: FileError.self) { try Folder.link(folder + "/latest", to: "a") }
      #expect(error?.reason == .isFolder)
      #expect(try names(in: folder) == ["latest"])
    }
  }
}
