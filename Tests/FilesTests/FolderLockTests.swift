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
      #expect(
        FolderLock.refusal(of: folder, option: "--x").hasPrefix(
          "'\(folder)' is in use by process \(getpid()) on "))
      lock = nil
      #expect(try FolderLock(folder) != nil)
    }
  }
}
