internal import Torch

extension Checkpoint {
  /// One checksum of a safetensors file, in hexadecimal digits: the XXH64 of the XXH64 of its head and
  /// of each tensor, in the order of the file. Reads all of it.
  package var checksum: String {
    let ordered = entries.sorted { ($0.byteOffset, $0.byteCount) < ($1.byteOffset, $1.byteCount) }
    return Checkpoint.checksum(
      head: head,
      ordered.map { entry in
        defer { releasePages() }
        return XXH64.checksum(bytes(of: entry))
      })
  }

  /// The checksum of a file that was just written, of which only the head is read.
  ///
  /// - Parameter records: what `CheckpointWriter.write` returned for it.
  /// - Returns: what `checksum` gives.
  package func checksum(written records: [CheckpointWriter.Record]) -> String {
    Checkpoint.checksum(head: head, records.map(\.checksum))
  }

  /// The bytes before the first tensor.
  private var head: UnsafeRawBufferPointer {
    let bytes = bytes(ofFile: 0)
    let end = entries.map(\.byteOffset).min() ?? bytes.count
    return UnsafeRawBufferPointer(rebasing: bytes[..<end])
  }

  private static func checksum(head: UnsafeRawBufferPointer, _ sums: [UInt64]) -> String {
    let all = ([XXH64.checksum(head)] + sums).map(\.littleEndian)
    let digits = String(all.withUnsafeBytes(XXH64.checksum), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
