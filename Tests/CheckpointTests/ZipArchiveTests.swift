internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// The archive around a pickle.
@Suite struct ZipArchiveTests {
  private static let sound = ZipBytes.checkpoint(
    pickle: PickleBytes.pickle(
      PickleBytes.dict([("weight", PickleBytes.tensor([2], strides: [1], count: 2))])),
    storage: [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])

  /// A file with the given change.
  private static func file(_ change: (inout ZipBytes) -> Void) -> [UInt8] {
    var archive = sound
    change(&archive)
    return archive.bytes
  }

  @Test(arguments: [false, true])
  func readsSizesOfEitherWidth(isWide: Bool) throws {
    let bytes = ZipArchiveTests.file {
      $0.isWide = isWide
      $0.comment = Array("a comment".utf8)
      $0.entries.append(ZipBytes.Entry(name: "x/folder/", content: []))
    }
    let entry = try #require(try open(bytes).entries.first)
    #expect(
      Array(bytes[entry.byteOffset..<entry.byteOffset + entry.byteCount])
        == ZipArchiveTests.sound.entries[2].content)
  }

  @Test func readsATensorBeyondFourGigabytes() throws {
    let storageByteCount = 5 << 30
    let tensor = PickleBytes.tensor(
      [2], strides: [1], offset: storageByteCount / 4 - 2, count: storageByteCount / 4)
    var archive = ZipBytes.checkpoint(
      pickle: PickleBytes.pickle(PickleBytes.dict([("weight", tensor)])),
      storage: ZipArchiveTests.sound.entries[2].content)
    archive.isWide = true
    archive.entries[2].hole = storageByteCount - 8
    archive.entries.swapAt(0, 2)
    try withTemporaryFolder { folder in
      let path = folder + "/sparse.pt"
      #expect(FileManager.default.createFile(atPath: path, contents: nil))
      let file = try FileHandle(forWritingTo: URL(filePath: path))
      for piece in archive.pieces {
        try file.seek(toOffset: try file.offset() + UInt64(piece.hole))
        try file.write(contentsOf: piece.bytes)
      }
      try file.close()
      let checkpoint = try Checkpoint.open(path)
      #expect(try #require(checkpoint.entries.first).byteOffset > 5 << 30 - 8)
      #expect(try #require(checkpoint.tensor("weight")).elements(Float.self) == [1, 2])
    }
  }

  @Test(arguments: ["../x", "x/../../y", "/etc/x", "x\\y", "C:x", "x//y", "./x", "x\u{0}y"])
  func refusesANameThatLeadsOutOfTheArchive(name: String) {
    let bytes = ZipArchiveTests.file { $0.entries.append(ZipBytes.Entry(name: name, content: [])) }
    expectFailure(.refused, "out of the archive", opening: bytes)
  }

  @Test func refusesCompressedAndEncryptedEntries() {
    for index in ZipArchiveTests.sound.entries.indices {
      expectFailure(
        .unsupported, "compressed", "torch.save",
        opening: ZipArchiveTests.file { $0.entries[index].method = 8 })
      expectFailure(
        .unsupported, "encrypted", opening: ZipArchiveTests.file { $0.entries[index].flags = 1 })
    }
  }

  @Test(arguments: [
    ("x/code/model.py", "TorchScript"), ("x/constants.pkl", "TorchScript"),
    ("x/bytecode.pkl", "TorchScript"), ("x/models/archive_format", "torch.export"),
    ("serialized_exported_program.json", "torch.export"),
  ])
  func saysThatAProgramIsOne(name: String, kind: String) {
    let bytes = ZipArchiveTests.file {
      $0.entries.append(ZipBytes.Entry(name: name, content: [1]))
      $0.entries.append(ZipBytes.Entry(name: "x/debug_pkl", content: [1, 2], method: 8))
    }
    expectFailure(.unsupported, kind, "state_dict", opening: bytes)
  }

  @Test(arguments: [0, 1, 2, 3])
  func refusesAWrongChecksum(index: Int) {
    let bytes = ZipArchiveTests.file { $0.entries[index].checksum = 1 }
    expectFailure(
      .damaged, "checksum", ZipArchiveTests.sound.entries[index].name, opening: bytes)
  }

  @Test(arguments: [0, 1, 2, 3])
  func refusesALocalHeaderThatDisagrees(index: Int) {
    let name = ZipArchiveTests.sound.entries[index].name
    for change in [
      { $0.localSize = 3 }, { $0.offset = 1 }, { $0.offset = 1 << 30 }, { $0.flags = 8 },
    ] as [(inout ZipBytes.Entry) -> Void] {
      expectFailure(
        .damaged, name, opening: ZipArchiveTests.file { change(&$0.entries[index]) })
    }
  }

  @Test(arguments: [[], [0x0807_4B50]] as [[UInt32]])
  func comparesWhatFollowsTheContentWithTheDirectory(signature: [UInt32]) throws {
    let checksum = ZipBytes.checksum(ZipArchiveTests.sound.entries[2].content)
    func file(_ words: [UInt32]) -> [UInt8] {
      ZipArchiveTests.file {
        $0.entries[2].flags = 8
        $0.entries[2].localSize = 0
        $0.entries[2].descriptor = signature + words
      }
    }
    for sound in [[checksum, 8, 8], [checksum, 8, 0, 8, 0]] {
      #expect(try open(file(sound)).entries.count == 1)
      for index in sound.indices {
        var altered = sound
        altered[index] += 1
        expectFailure(.damaged, "'x/data/0'", opening: file(altered))
      }
    }
  }

  @Test func refusesTwoEntriesOfOneNameOrPlace() {
    let twice = ZipArchiveTests.file { $0.entries.append($0.entries[2]) }
    expectFailure(.damaged, "two zip entries", opening: twice)
    // An entry whose content is a whole other entry.
    let inner = ZipBytes(entries: [ZipBytes.Entry(name: "x/in", content: [1])])
    let within = ZipArchiveTests.file {
      let offset = $0.pieces.prefix(4).reduce(0) { $0 + $1.bytes.count }
      let header = 30 + "x/out".utf8.count
      $0.entries[2...] = [
        ZipBytes.Entry(name: "x/out", content: inner.pieces[0].bytes + [1]),
        ZipBytes.Entry(name: "x/in", content: [1], offset: offset + header),
      ]
    }
    expectFailure(.damaged, "overlap", opening: within)
  }

  @Test func refusesAnotherVersionOrByteOrder() {
    expectFailure(
      .unsupported, "version '99'",
      opening: ZipArchiveTests.file { $0.entries[3].content = Array("99\n".utf8) })
    expectFailure(
      .unsupported, "'big'",
      opening: ZipArchiveTests.file { $0.entries[1].content = Array("big".utf8) })
    expectFailure(
      .damaged, "'x/version' is missing", opening: ZipArchiveTests.file { $0.entries.removeLast() })
    #expect(throws: Never.self) { try open(ZipArchiveTests.file { $0.entries.remove(at: 1) }) }
  }

  @Test func saysThatAnArchiveIsOfAnotherKind() {
    expectFailure(
      .unknownFormat, "data.pkl", opening: ZipArchiveTests.file { $0.entries.removeFirst() })
    expectFailure(
      .unsupported, "TorchScript",
      opening: ZipArchiveTests.file {
        $0.entries.append(ZipBytes.Entry(name: "x/constants.pkl", content: []))
      })
    expectFailure(
      .unknownFormat, "several",
      opening: ZipArchiveTests.file {
        $0.entries.append(ZipBytes.Entry(name: "y/data.pkl", content: []))
      })
    expectFailure(.unsupported, "several files", opening: ZipArchiveTests.file { $0.disk = 1 })
    expectFailure(.unknownFormat, "data.pkl", opening: ZipBytes(entries: []).bytes)
  }
}
