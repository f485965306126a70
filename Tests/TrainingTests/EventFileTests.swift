internal import Foundation
internal import TestSupport
internal import Testing

@testable internal import Training

/// Reads TensorBoard's records back, by TensorFlow's `record_reader.h` and the wire format of protocol
/// buffers.
@Suite struct EventFileTests {
  /// The fields of a message by number, in order; numbers of fixed size as their bytes.
  private typealias Fields = [Int: [[UInt8]]]

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func take(_ count: Int) throws -> [UInt8] {
      try #require(rest.count >= count)
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }

    mutating func varint() throws -> Int {
      var (value, shift) = (0, 0)
      while true {
        let byte = Int(try take(1)[0])
        value |= (byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
    }

    mutating func fields() throws -> Fields {
      var fields: Fields = [:]
      while !rest.isEmpty {
        let key = try varint()
        let content: [UInt8] =
          switch key & 7 {
          case 0: bytes(of: try varint())
          case 1: try take(8)
          case 2: try take(try varint())
          default: try take(4)
          }
        fields[key >> 3, default: []].append(content)
      }
      return fields
    }
  }

  /// Bit by bit, in place of the table that writes.
  private func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    sum = ~sum
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }

  private func events(_ folder: String) throws -> [Fields] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let name = try #require(names.first)
    #expect(names.count == 1 && name.contains("tfevents"))
    let data = try Data(contentsOf: URL(filePath: folder + "/" + name))
    var (reader, events) = (Reader(rest: Array(data)[...]), [Fields]())
    while !reader.rest.isEmpty {
      let length = try reader.take(8)
      #expect(try reader.take(4) == bytes(of: maskedChecksum(length)))
      let content = try reader.take(Int(number(length, as: UInt64.self)))
      #expect(try reader.take(4) == bytes(of: maskedChecksum(content)))
      var message = Reader(rest: content[...])
      events.append(try message.fields())
    }
    return events
  }

  private func fields(_ bytes: [UInt8]?) throws -> Fields {
    var reader = Reader(rest: try #require(bytes)[...])
    return try reader.fields()
  }

  @Test func checksBytesAsPublished() {
    // RFC 3720, appendix B.4.
    #expect(CRC32C.checksum(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
  }

  @Test func canBeReadBack() throws {
    try withTemporaryFolder { folder in
      let file = try EventFile(folder: folder, after: 299)
      try file.append(scalars: [("loss", 0.5), ("lr", 1e-4)], step: 300)
      try file.append(png: [1, 2, 3], width: 20, height: 10, name: "samples", step: 301)
      var events = try events(folder)
      try #require(events.count == 4)
      #expect(events[0][3] == [Array("brain.Event:2".utf8)])
      // A start (1) of a session: what other files say of this step and later ones does not count.
      let session = events.remove(at: 1)
      #expect(session[2] == [bytes(of: 300)])
      #expect(try fields(session[7]?[0]) == [1: [bytes(of: 1)]])
      let time = Double(bitPattern: number(try #require(events[1][1]?[0]), as: UInt64.self))
      #expect(abs(time - Date().timeIntervalSince1970) < 600)
      #expect(events[1][2] == [bytes(of: 300)] && events[2][2] == [bytes(of: 301)])
      let scalars = try #require(try fields(events[1][5]?[0])[1]).map { try fields($0) }
      #expect(scalars.map { $0[1] } == [[Array("loss".utf8)], [Array("lr".utf8)]])
      #expect(scalars.map { $0[2] } == [[bytes(of: Float(0.5))], [bytes(of: Float(1e-4))]])
      let picture = try fields(try fields(events[2][5]?[0])[1]?[0])
      #expect(picture[1] == [Array("samples".utf8)])
      let image = try fields(picture[4]?[0])
      #expect(
        image == [1: [bytes(of: 10)], 2: [bytes(of: 20)], 3: [bytes(of: 3)], 4: [[1, 2, 3]]])
    }
  }
}

private func bytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] {
  withUnsafeBytes(of: value) { Array($0) }
}

private func number<Value: FixedWidthInteger>(_ bytes: [UInt8], as type: Value.Type) -> Value {
  bytes.reversed().reduce(0) { $0 << 8 | Value($1) }
}
