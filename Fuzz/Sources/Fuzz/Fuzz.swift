internal import Checkpoint
internal import Torch

/// Reads an input of libFuzzer as a checkpoint and checks that every tensor lies within it. Bad input
/// should give an error; a trap is a finding.
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
  return 0
}
