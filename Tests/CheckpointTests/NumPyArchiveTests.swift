internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@testable internal import Checkpoint

@Suite struct NumPyArchiveTests {
  /// A file that NumPy 2.4 reads: `numpy.load(file)["arr_0"].tolist()` is [[[1, 2, 3]], [[4, 5, 6]]], and
  /// `arr_1` is [7, -8].
  @Test func hasTheBytesThatNumPyReads() throws {
    try withTemporaryFolder { folder in
      for (name, bytes) in [("a", [1, 2, 3] as [UInt8]), ("b", [4, 5, 6])] {
        try bytes.withUnsafeBytes {
          try AtomicFile.write(contentsOf: $0, to: folder + "/" + name)
        }
      }
      try NumPyArchive.write(
        [
          .init("arr_0", shape: [2, 1, 3], files: [folder + "/a", folder + "/b"]),
          .init("arr_1", [7, -8]),
        ], to: folder + "/x.npz")
      let bytes = try Data(contentsOf: URL(filePath: folder + "/x.npz"))
      // The first entry begins at byte 64, its data 128 bytes later.
      #expect(bytes[64..<74].elementsEqual([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0]))
      let header = String(decoding: bytes[74..<192], as: UTF8.self)
      #expect(
        header.hasPrefix("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3,), }")
          && header.hasSuffix(" \n"))
      #expect(bytes[192..<198].elementsEqual([1, 2, 3, 4, 5, 6]))
      let tail: [UInt8] = [7, 0, 0, 0, 0, 0, 0, 0, 248, 255, 255, 255, 255, 255, 255, 255]
      #expect(bytes.range(of: Data(tail)) != nil)
    }
  }

  /// A file that changes between the two readings, for its checksum and for its bytes.
  @Test(arguments: [0, 3, 5, 6]) func refusesAnEntryOfAnotherSize(_ count: Int) throws {
    try withTemporaryFolder { folder in
      var archive = try ZipWriter(folder + "/x.npz", expectedByteCount: 100)
      let bytes = [UInt8](repeating: 1, count: count)
      func append(_ archive: inout ZipWriter) throws {
        try archive.append("arr_0.npy", byteCount: 4, checksum: 0) { file in
          try bytes.withUnsafeBytes { try file.append($0) }
        }
      }
      do {
        try append(&archive)
        Issue.record("no error")
      } catch let error as FileError {
        #expect(error.reason == .changed && error.message.contains("'arr_0.npy'"))
      }
      _ = consume archive
      #expect(try Folder.names(in: folder).isEmpty)
    }
  }
}
