internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct LockFileTests {
  @Test func isHeldByOneUntilReleased() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/work.lock"
      let claim = try #require(try LockFile(path))
      #expect(try LockFile(path) == nil)
      #expect(LockFile.owner(of: path) == .current)
      claim.release()
      #expect(LockFile.owner(of: path) == nil)
      claim.release()
      #expect(try LockFile(path) != nil)
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }

  @Test func isTakenOverFromAProcessThatIsGone() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/work.lock"
      let gone = try processThatIsGone()
      try write("\(gone) 1 \(LockOwner.current.host)\n", to: path)
      try write("half", to: "\(folder)/.partial-\(gone)-abc")
      try write("half", to: "\(folder)/.partial-\(getpid())-abc")
      let claim = try #require(try LockFile(path))
      #expect(LockFile.owner(of: path) == .current)
      let rest = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(rest.sorted() == [".partial-\(getpid())-abc", "work.lock"])
      claim.release()
    }
  }

  @Test func isTakenOverWhenItsProcessNumberWasReused() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/work.lock"
      let owner = LockOwner.current
      try write("\(owner.process) \(owner.start + 1) \(owner.host)\n", to: path)
      #expect(try LockFile(path) != nil)
    }
  }

  @Test(arguments: ["%d 1 another.host\n", ""])
  func staysWhileItsProcessMayRun(_ record: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/work.lock"
      try write(record.replacing("%d", with: "\(try processThatIsGone())"), to: path)
      #expect(try LockFile(path) == nil)
    }
  }

  @Test func saysWhyItCannotBeWritten() throws {
    #expect(throws: FileError.self) { try LockFile("/nowhere/work.lock") }
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  private func processThatIsGone() throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/true")
    try process.run()
    process.waitUntilExit()
    return process.processIdentifier
  }
}
