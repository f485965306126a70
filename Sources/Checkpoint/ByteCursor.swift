/// Takes numbers and runs of bytes one after the other, never past the end.
struct ByteCursor {
  let bytes: UnsafeRawBufferPointer
  /// The next byte to take.
  private(set) var offset: Int
  /// The thing being read, for error messages, for example "the zip directory".
  let subject: String

  /// A cursor at `offset`, which must lie in the bytes or at their end.
  init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0, reading subject: String) throws {
    self.bytes = bytes
    self.offset = offset
    self.subject = subject
    guard 0...bytes.count ~= offset else { throw cutShort }
  }

  /// The number of bytes left.
  var remaining: Int { bytes.count - offset }

  private var cutShort: CheckpointError {
    CheckpointError(
      .damaged, "\(subject) is cut short at byte \(bytes.count); was the file copied whole?")
  }

  /// Takes a run of bytes.
  mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard 0...remaining ~= count else { throw cutShort }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// Takes a little-endian integer.
  mutating func take<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number
  {
    let run = try take(MemoryLayout<Number>.size)
    return Number(littleEndian: run.loadUnaligned(as: Number.self))
  }

  /// Takes a little-endian count of bytes or items.
  mutating func takeCount<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Int {
    let number = try take(type)
    guard let count = Int(exactly: number), count >= 0 else {
      throw CheckpointError(.damaged, "\(subject) has the absurd size \(number)")
    }
    return count
  }

  /// Takes the bytes before the next `byte`, and that byte.
  mutating func take(upTo byte: UInt8) throws -> UnsafeRawBufferPointer {
    guard let end = bytes[offset...].firstIndex(of: byte) else { throw cutShort }
    let run = try take(end - offset)
    offset += 1
    return run
  }
}
