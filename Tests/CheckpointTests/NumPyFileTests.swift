internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Checkpoint

/// Archives that `tools/golden/make_metrics.py` wrote by NumPy.
@Suite struct NumPyFileTests {
  /// `arange(5 * 4 * 6 * 3) * 37 % 251` as `[5, 4, 6, 3]`.
  static var images: Tensor {
    Tensor((0..<360).map { UInt8($0 * 37 % 251) }, shape: [5, 4, 6, 3])
  }

  static func file(_ name: String) throws -> NumPyFile { try NumPyFile(golden("npz/\(name).npz")) }

  @Test(arguments: [
    ("stored", "arr_0"), ("deflated", "arr_0"), ("fortran", "arr_0"), ("fortran-deflated", "arr_0"),
    ("versions", "v1"), ("versions", "v2"), ("versions", "v3"),
  ])
  func readsImages(_ name: String, _ array: String) throws {
    let file = try Self.file(name)
    let array = try #require(try file.array(array))
    #expect(array.shape == [5, 4, 6, 3] && array.type.dtype == .uint8)
    #expect(array.summary == "uint8 [5, 4, 6, 3]")
    #expect(try file.tensor(of: array).elements(UInt8.self) == Self.images.elements())
    // In order, beyond, and back.
    let rows = try file.rows(of: array)
    for range in [0..<2, 2..<3, 4..<5, 1..<4, 0..<0, 5..<5, 0..<5, 3..<5] {
      let part = try rows.read(range)
      #expect(part.shape == [range.count, 4, 6, 3])
      #expect(part.elements(UInt8.self) == Self.images[range].elements())
    }
  }

  @Test func readsNumbersOfOtherOrders() throws {
    for name in ["deflated", "fortran"] {
      let file = try Self.file(name)
      let mean = try file.tensor(of: #require(try file.array("mu")))
      #expect(mean.dtype == .float64 && mean.elements() == [0.5, -0.25, 2])
      let covariance = try file.tensor(of: #require(try file.array("sigma")))
      #expect(covariance.elements() == [2, 0.5, 0.25, 0.5, 1, 0, 0.25, 0, 3] as [Double])
      #expect(covariance.dtype == (name == "fortran" ? .float32 : .float64))
    }
    let classes = try #require(try Self.file("stored").array("arr_1"))
    #expect(try Self.file("stored").tensor(of: classes).elements() == [3, 1, 4, 1, 5])
  }

  @Test func knowsRecordsAndObjects() throws {
    let record = try #require(try Self.file("record").array("dit"))
    #expect(record.fields.map(\.name) == ["features", "images", "resize"])
    #expect(record.elementByteCount == 32 + 8 + 36 && record.shape == [])
    let file = try Self.file("objects")
    let objects = try #require(try file.array("arr_0"))
    #expect(objects.summary == "Python objects [2]")
    Self.expectFailure(.unsupported, "Python objects [2], no numbers") {
      _ = try file.rows(of: objects)
    }
    #expect(try file.array("arr_1") == nil)
  }

  @Test func readsWhatItWrites() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.npz"
      let mean = Tensor([1.5, -2] as [Double])
      try NumPyArchive.write(
        [
          .init("mu", mean),
          .init("f", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]).transposed()),
          .init("arr_0", shape: [5, 4, 6, 3]) { body in
            for row in 0..<5 { try Self.images[row].withUnsafeBytes(body) }
          },
          .init(
            "dit",
            record: [("features", .text("Ünet")), ("images", .number(-3)), ("resize", .text(""))]),
        ], to: path)
      let file = try NumPyFile(path)
      #expect(file.names == ["mu", "f", "arr_0", "dit"])
      #expect(try file.tensor(of: #require(try file.array("mu"))).elements() == [1.5, -2])
      #expect(
        try file.tensor(of: #require(try file.array("f"))).elements() == [1, 3, 2, 4] as [Float])
      #expect(
        try file.tensor(of: #require(try file.array("arr_0"))).elements(UInt8.self)
          == Self.images.elements())
      let record = try #require(try file.array("dit"))
      let bytes = try file.bytes(of: record)
      #expect(bytes.count == 16 + 8 + 4 && bytes[0] == 0xDC && Int8(bitPattern: bytes[16]) == -3)
    }
  }

  @Test func refusesOtherFiles() throws {
    try withTemporaryFolder { folder in
      func open(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: folder + "/x.npz") }
        let file = try NumPyFile(folder + "/x.npz")
        for name in file.names { _ = try file.array(name).map { try file.tensor(of: $0) } }
      }
      Self.expectFailure(.unknownFormat, "no archive of NumPy arrays") {
        try open([1, 2, 3, 4, 5])
      }
      Self.expectFailure(.unknownFormat, "a single array (.npy)") {
        try open([0x93] + Array("NUMPY".utf8) + [1, 0, 10, 0])
      }
      Self.expectFailure(.unknownFormat, "'a.txt'") {
        try open(ZipBytes(entries: [.init(name: "a.txt", content: [1])]).bytes)
      }
      let whole = [UInt8](try Data(contentsOf: URL(filePath: golden("npz/deflated.npz"))))
      for count in stride(from: 4, to: whole.count, by: 23) {
        Self.expectFailure(.damaged, nil) { try open(Array(whole[..<count])) }
      }
      // Any byte of the images' data changed: by the checksum at the latest.
      let start = try #require(Data(whole).range(of: Data("arr_0.npy".utf8))).upperBound + 20
      for place in stride(from: start, to: start + 300, by: 7) {
        var bytes = whole
        bytes[place] ^= 0x55
        Self.expectFailure(nil, "arr_0.npy") { try open(bytes) }
      }
    }
  }

  /// No rows of more bytes than there are numbers for.
  @Test func refusesAbsurdRowsOfNone() throws {
    try withTemporaryFolder { folder in
      let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4611686018427387904), }"
      let bytes = ZipBytes(entries: [.init(name: "a.npy", content: Self.npy(header))]).bytes
      try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: folder + "/x.npz") }
      let file = try NumPyFile(folder + "/x.npz")
      let array = try #require(try file.array("a"))
      Self.expectFailure(.unsupported, "no numbers to read") { _ = try file.rows(of: array) }
    }
  }

  /// One bit of an array that is stored, in its first, middle and last bytes.
  @Test(arguments: [
    ("stored", "arr_0"), ("stored", "arr_1"), ("fortran", "arr_0"), ("fortran", "sigma"),
    ("written", "mu"), ("written", "sigma"),
  ])
  func noticesDamageOfStoredArrays(_ name: String, _ array: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.npz"
      if name == "written" {
        let numbers = (0..<64).map { 1 / Double($0 + 1) }
        try NumPyArchive.write(
          [.init("mu", Tensor(numbers)), .init("sigma", Tensor(numbers, shape: [8, 8]))], to: path)
      }
      let whole = [UInt8](
        try Data(contentsOf: URL(filePath: name == "written" ? path : golden("npz/\(name).npz"))))
      let entry = try whole.withUnsafeBytes {
        try #require(try ZipArchive($0).entry(array + ".npy"))
      }
      let start = try #require(try Self.opened(whole, path).array(array)).start
      let (first, last) = (entry.data.lowerBound + start, entry.data.upperBound - 1)
      for place in [first, first + 1, (first + last) / 2, last - 1, last] {
        var bytes = whole
        bytes[place] ^= 1
        func expectDamage(_ body: (NumPyFile, NumPyArray) throws -> Void) throws {
          let file = try Self.opened(bytes, path)
          let array = try #require(try file.array(array))
          Self.expectFailure(.damaged, "\(array.name).npy' does not match its checksum") {
            try body(file, array)
          }
        }
        try expectDamage { _ = try $0.tensor(of: $1) }
        try expectDamage { file, array in
          let rows = try file.rows(of: array)
          for row in 0..<rows.count { _ = try rows.read(row..<row + 1) }
        }
        // The share of another process, and rows that were read in part.
        try expectDamage { file, array in
          let rows = try file.rows(of: array)
          _ = try rows.read(rows.count - 1..<rows.count)
        }
        try expectDamage { file, array in
          let rows = try file.rows(of: array)
          _ = try rows.read(1..<2)
          _ = try rows.read(0..<rows.count)
        }
        // A second try is no way around.
        try expectDamage { file, array in
          let rows = try file.rows(of: array)
          _ = try? rows.read(0..<rows.count)
          _ = try rows.read(0..<1)
        }
      }
      let file = try Self.opened(whole, path)
      _ = try file.tensor(of: #require(try file.array(array)))
    }
  }

  private static func opened(_ bytes: [UInt8], _ path: String) throws -> NumPyFile {
    try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: path) }
    return try NumPyFile(path)
  }

  static func npy(_ header: String, _ content: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
    let count = UInt32(header.utf8.count)
    let size = withUnsafeBytes(of: count.littleEndian) { Array($0.prefix(version == 1 ? 2 : 4)) }
    return NumPyHeader.magic + [version, 0] + size + Array(header.utf8) + content
  }

  @Test(arguments: [
    (
      "{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }",
      "4 bytes for an array [5] of uint8"
    ),
    (
      "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }",
      "4 bytes for an array [3] of uint8"
    ),
    (
      "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
      "absurd sizes"
    ),
    ("{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,), }", "bytes for"),
    ("{'descr': '|u1', 'fortran_order': False, 'shape': (-4,), }", "no readable header"),
    ("{'descr': '|u1', 'fortran_order': False, 'shape': 4, }", "no readable header"),
    ("{'descr': '|u1', 'fortran_order': 0, 'shape': (4,), }", "no readable header"),
    ("{'descr': '|u1', 'shape': (4,), }", "no readable header"),
    ("{'descr': __import__('os'), 'fortran_order': False, 'shape': (4,), }", "no readable header"),
    ("{'descr': '|u1', 'fortran_order': False, 'shape': (4,), } + 1", "no readable header"),
    ("((((((((((((4,),),),),),),),),),),),)", "no readable header"),
    ("", "no readable header"),
  ])
  func refusesHostileHeaders(_ header: String, _ text: String) throws {
    try withTemporaryFolder { folder in
      for version in [1, 2, 3] as [UInt8] {
        let bytes = ZipBytes(entries: [
          .init(name: "a.npy", content: Self.npy(header, [1, 2, 3, 4], version: version))
        ]).bytes
        try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: folder + "/x.npz") }
        let file = try NumPyFile(folder + "/x.npz")
        Self.expectFailure(.damaged, text) { _ = try file.array("a") }
      }
    }
  }

  @Test func refusesHostileStarts() throws {
    try withTemporaryFolder { folder in
      let sound = Self.npy("{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }")
      for (content, text) in [
        (Array(sound.prefix(9)), "does not begin as a .npy file"),
        (sound.dropLast(), "does not begin as a .npy file"),
        ([1] + sound.dropFirst(), "does not begin as a .npy file"),
        (sound.prefix(6) + [4, 0] + sound.dropFirst(8), "version 4.0"),
        (sound.prefix(6) + [2, 0, 255, 255, 255, 255], "does not begin as a .npy file"),
      ] as [([UInt8], String)] {
        let bytes = ZipBytes(entries: [.init(name: "a.npy", content: content)]).bytes
        try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: folder + "/x.npz") }
        let file = try NumPyFile(folder + "/x.npz")
        Self.expectFailure(nil, text) { _ = try file.array("a") }
      }
    }
  }

  static func expectFailure(
    _ reason: CheckpointError.Reason?, _ text: String?,
    _ location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    do {
      try body()
      Issue.record("no error", sourceLocation: location)
    } catch let error as CheckpointError {
      #expect(reason == nil || error.reason == reason, "\(error.message)", sourceLocation: location)
      #expect(
        text.map { error.message.contains($0) } ?? true, "\(error.message)",
        sourceLocation: location)
      #expect(error.message.contains(".npz'"), sourceLocation: location)
    } catch {
      Issue.record("\(error)", sourceLocation: location)
    }
  }
}
