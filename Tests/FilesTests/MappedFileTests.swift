internal import Files
internal import TestSupport
internal import Testing

@Suite struct MappedFileTests {
  @Test func mapsTheContentAndKeepsWritesToItself() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/text"
      try AtomicFile.write("content", to: path)
      let file = try MappedFile(path)
      #expect(file.bytes.elementsEqual("content".utf8))
      UnsafeMutableRawBufferPointer(mutating: file.bytes)[0] = UInt8(ascii: "C")
      #expect(file.bytes.elementsEqual("Content".utf8))
      #expect(try text(of: path) == "content")
    }
  }

  @Test func saysWhyAFileCannotBeRead() throws {
    try withTemporaryFolder { folder in
      func failure(_ path: String) throws -> FileError {
        try #require(#expect(throws: FileError.self) { try MappedFile(path) })
      }
      try AtomicFile.write("", to: folder + "/empty")
      try makePipe(folder + "/pipe")
      #expect(try failure(folder).reason == .isFolder)
      #expect(try failure(folder + "/none").reason == .missing)
      #expect(try failure(folder + "/empty/none").reason == .missing)
      #expect(try failure(folder + "/empty").reason == .empty)
      #expect(try failure(folder + "/pipe").reason == .notRegular)
      #expect(try failure("/dev/zero").reason == .notRegular)
      #expect(try failure(folder + "/none").message.contains(folder + "/none"))
    }
  }
}
