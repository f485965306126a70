internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct FolderLockTests {
  @Test func keepsOthersOutWhileItLives() throws {
    try withTemporaryFolder { folder in
      var lock = try FolderLock(folder)
      #expect(lock != nil)
      #expect(try FolderLock(folder) == nil)
      #expect(FolderLock.owner(of: folder)?.process == getpid())
      lock = nil
      #expect(try FolderLock(folder) != nil)
    }
  }
}
