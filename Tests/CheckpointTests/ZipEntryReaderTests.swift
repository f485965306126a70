internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@testable internal import Checkpoint

@Suite struct ZipEntryReaderTests {
  /// 100,000 zeros as Python's zlib packs them.
  static let zeros: [UInt8] =
    [0xED, 0xC1, 0x31, 0x01, 0x00, 0x00, 0x00, 0xC2, 0xA0, 0xF5, 0x4F, 0x6D, 0x0D, 0x0F, 0xA0]
    + [UInt8](repeating: 0, count: 96) + [0x80, 0x57, 0x03]

  static func archive(
    _ packed: [UInt8], size: Int, checksum: UInt32, localSize: Int? = nil, method: UInt16 = 8
  ) -> [UInt8] {
    func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
      withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
    let sizes = { (size: Int) in little(UInt32(packed.count)) + little(UInt32(size)) }
    let common =
      little(UInt16(20)) + little(UInt16(0)) + little(method) + little(UInt32(0)) + little(checksum)
    let name = Array("a.npy".utf8)
    let local =
      little(0x0403_4B50 as UInt32) + common + sizes(localSize ?? size) + little(UInt16(name.count))
      + little(UInt16(0)) + name + packed
    let entry =
      little(0x0201_4B50 as UInt32) + little(UInt16(20)) + common + sizes(size)
      + little(UInt16(name.count)) + [UInt8](repeating: 0, count: 12) + little(UInt32(0)) + name
    return local + entry + little(0x0605_4B50 as UInt32) + [0, 0, 0, 0, 1, 0, 1, 0]
      + little(UInt32(entry.count)) + little(UInt32(local.count)) + [0, 0]
  }

  static func read(_ bytes: [UInt8], parts: [Int]) throws -> [UInt8] {
    try bytes.withUnsafeBytes { bytes in
      let archive = try ZipArchive(bytes)
      let reader = try ZipEntryReader(archive.entries[0], of: archive)
      var result: [UInt8] = []
      for part in parts {
        var buffer = [UInt8](repeating: 7, count: part)
        try buffer.withUnsafeMutableBytes { try reader.read(into: $0) }
        result += buffer
      }
      return result
    }
  }

  static let checksum = ZipBytes.checksum([UInt8](repeating: 0, count: 100_000))
  static let sound = archive(zeros, size: 100_000, checksum: checksum)

  @Test func inflatesInParts() throws {
    let all = [UInt8](repeating: 0, count: 100_000)
    #expect(try Self.read(Self.sound, parts: [100_000]) == all)
    #expect(try Self.read(Self.sound, parts: [1, 0, 99, 65_000, 34_899, 1]) == all)
    #expect(try Self.read(Self.sound, parts: [10]) == [UInt8](repeating: 0, count: 10))
  }

  @Test func refusesWhatDoesNotAgree() throws {
    func expect(
      _ text: String, _ bytes: [UInt8], _ parts: [Int] = [100_000],
      _ line: SourceLocation = #_sourceLocation
    ) {
      do {
        _ = try Self.read(bytes, parts: parts)
        Issue.record("no error", sourceLocation: line)
      } catch let error as CheckpointError {
        #expect(error.message.contains(text), "\(error.message)", sourceLocation: line)
      } catch {
        Issue.record("\(error)", sourceLocation: line)
      }
    }
    let zeros = Self.zeros
    expect("ends after 100000 bytes", Self.sound, [100_001])
    expect("checksum", Self.archive(zeros, size: 100_000, checksum: 1))
    expect("more bytes than", Self.archive(zeros, size: 99_999, checksum: 1), [99_999])
    expect("ends before all", Self.archive(zeros, size: 100_001, checksum: 1), [100_001])
    expect("is cut short", Self.archive(Array(zeros.dropLast(3)), size: 100_000, checksum: 1))
    expect(
      "other bytes after its end", Self.archive(zeros + [0], size: 100_000, checksum: Self.checksum)
    )
    expect("cannot be inflated", Self.archive([7] + zeros, size: 100_000, checksum: 1))
    // More than deflate can pack into so few bytes: a bomb that lies about itself.
    expect("which deflate cannot do", Self.archive(zeros, size: 1 << 30, checksum: 1), [10])
    expect("not at byte 0", Self.archive(zeros, size: 100_000, checksum: 1, localSize: 5))
    expect("method 12", Self.archive(zeros, size: 100_000, checksum: 1, method: 12))
  }
}
