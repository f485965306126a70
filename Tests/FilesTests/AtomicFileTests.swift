internal import Files
internal import TestSupport
internal import Testing

@Suite struct AtomicFileTests {
  @Test func replacesAFileAsAWhole() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/text"
      try AtomicFile.write("old", to: path)
      var file = try AtomicFile(path)
      try "ne".utf8CString.withUnsafeBytes { try file.append(.init(rebasing: $0[..<2])) }
      #expect(try text(of: path) == "old")
      try "w!".utf8CString.withUnsafeBytes { try file.append(.init(rebasing: $0[..<2])) }
      try file.commit()
      #expect(try text(of: path) == "new!")
      #expect(try names(in: folder) == ["text"])
    }
  }

  @Test func leavesNothingBehindWhenGivenUp() throws {
    try withTemporaryFolder { folder in
      do {
        var file = try AtomicFile(folder + "/text")
        try [1, 2, 3].withUnsafeBytes { try file.append($0) }
        #expect(try names(in: folder).count == 1)
      }
      #expect(try names(in: folder) == [])
    }
  }

  @Test func followsALinkToItsFile() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("old", to: folder + "/real")
      try link("real", from: folder + "/alias")
      try AtomicFile.write("new", to: folder + "/alias")
      #expect(try text(of: folder + "/real") == "new")
      #expect(try isLink(folder + "/alias"))
    }
  }

  @Test func refusesTargetsItCannotReplace() throws {
    try withTemporaryFolder { folder in
      func failure(_ path: String, byteCount: Int? = nil) throws -> FileError {
        try #require(
          #expect(throws: FileError.self) {
            _ = try AtomicFile(path, expectedByteCount: byteCount).path
          })
      }
      #expect(try failure(folder).reason == .isFolder)
      #expect(try failure("/dev/null").reason == .notRegular)
      #expect(try failure(folder + "/none/text").reason == .missing)
      let full = try failure(folder + "/text", byteCount: 1 << 60)
      #expect(full.reason == .noSpace)
      #expect(full.message.contains("needs \(1 << 60) bytes"))
      #expect(try names(in: folder) == [])
    }
  }
}
