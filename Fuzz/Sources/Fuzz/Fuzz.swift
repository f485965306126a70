internal import Checkpoint
internal import Models
internal import Torch

/// Reads an input of libFuzzer as a checkpoint and checks that every tensor lies within it. Bad input
/// should give an error; a trap is a finding. Models' sizes are then read from the tensors' shapes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  guard let checkpoint = try? Checkpoint.embedded(bytes: bytes, name: "input") else { return 0 }
  for entry in checkpoint.entries {
    let first = entry.byteOffset..<entry.byteOffset + entry.byteCount
    for run in [first] + entry.continuation {
      precondition(run.lowerBound >= 0 && run.upperBound <= count, "bytes beyond the file")
    }
    precondition(!entry.shape.contains { $0 < 0 }, "a negative size")
    guard entry.elementCount > 0 else { continue }
    let last = zip(entry.shape, entry.strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    let stored = entry.continuation.reduce(entry.byteCount) { $0 + $1.count }
    precondition(
      last >= 0 && (last + 1) * entry.dtype.byteCount <= stored, "elements reach beyond the bytes")
  }
  let shapes = Dictionary(checkpoint.entries.map { ($0.name, $0.shape) }) { first, _ in first }
  _ = try? DiTConfig.inferred(from: shapes)
  _ = try? AutoencoderKLConfig.inferred(from: shapes)
  if let config = try? TinyAutoencoderConfig.inferred(from: shapes) {
    precondition(config.downsamplingFactor > 0)
  }
  return 0
}
