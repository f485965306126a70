internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct FolderLockTests {
  @Test func keepsOthersOutWhileItLives() throws {
    try withTemporaryFolder { folder in
      var lock: FolderLock? = try FolderLock(folder)
      #expect(lock != nil)
      let error = try #require(#expect(throws: FileError.self) { try FolderLock(folder) })
      #expect(error.reason == .inUse && error.path == folder)
      #expect(error.message.hasPrefix("'\(folder)' is in use by process \(getpid()) on "))
      #expect(FolderLock.owner(of: folder)?.process == getpid())
      lock = nil
      _ = try FolderLock(folder)
    }
  }
}
