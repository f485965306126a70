internal import Checkpoint
internal import Files
internal import Foundation

/// A file of TensorBoard events.
///
/// Source: TensorFlow's `event.proto` and `summary.proto`, in records as `record_writer.h` describes
/// them.
final class EventFile {
  private let file: AppendedFile

  /// Starts a file, which tells readers to forget the steps after `step` in earlier files of the folder.
  init(folder: String, after step: Int) throws {
    let time = Int(Date().timeIntervalSince1970)
    file = try AppendedFile("\(folder)/events.out.tfevents.\(time).dit")
    var event = ProtobufWriter()
    event.add(1, Date().timeIntervalSince1970)
    event.add(3, "brain.Event:2")
    try file.append(EventFile.record(event.bytes))
    guard step > 0 else { return }
    var start = ProtobufWriter()
    start.add(1, 1)
    try append(7, start, step + 1)
  }

  func append(scalars: [(String, Double)], step: Int) throws {
    var summary = ProtobufWriter()
    for (name, number) in scalars {
      var value = ProtobufWriter()
      value.add(1, name)
      value.add(2, Float(number))
      summary.add(1, value.bytes)
    }
    try append(5, summary, step)
  }

  func append(png: [UInt8], width: Int, height: Int, name: String, step: Int) throws {
    var image = ProtobufWriter()
    image.add(1, height)
    image.add(2, width)
    image.add(3, 3)
    image.add(4, png)
    var value = ProtobufWriter()
    value.add(1, name)
    value.add(4, image.bytes)
    var summary = ProtobufWriter()
    summary.add(1, value.bytes)
    try append(5, summary, step)
  }

  private func append(_ field: Int, _ content: ProtobufWriter, _ step: Int) throws {
    var event = ProtobufWriter()
    event.add(1, Date().timeIntervalSince1970)
    event.add(2, step)
    event.add(field, content.bytes)
    try file.append(EventFile.record(event.bytes))
  }

  /// Length, its checksum, the data, their checksum.
  private static func record(_ data: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(data.count))
    return length + littleEndian(maskedChecksum(length)) + data + littleEndian(maskedChecksum(data))
  }

  private static func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
    let checksum = CRC32C.checksum(bytes)
    return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
  }
}

private func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

/// The cyclic redundancy check of Castagnoli et al. 1993.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1
    }
  }

  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }
}
