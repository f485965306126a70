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

  @Test(arguments: [EPERM, ENOTSUP, EOPNOTSUPP, ENOSYS, EINVAL, EROFS])
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

  @Test(arguments: [(ENOSPC, FileError.Reason.noSpace), (EACCES, .denied), (EIO, .system)])
  func failsOtherwise(_ number: Int32, _ reason: FileError.Reason) throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: FileError.self) {
        try Folder.link(folder + "/latest", to: "a") { _, _ in number }
      }
      #expect(error?.reason == reason)
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
