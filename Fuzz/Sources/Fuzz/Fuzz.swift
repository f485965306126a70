internal import Checkpoint
internal import Evaluation
internal import Foundation
internal import Models
internal import Torch

/// Reads an input of libFuzzer: as a reference of evaluations if `FUZZ_READER` is `npz`, else as a checkpoint.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  if readsArchives { readArchive(bytes) } else { readCheckpoint(bytes) }
  return 0
}

private let readsArchives = ProcessInfo.processInfo.environment["FUZZ_READER"] == "npz"

/// A file without a name, for readers that take a path.
private let memory = fileno(tmpfile())

/// Reads an input as an archive of statistics or images, all arrays of it. Bad input should give an error.
private func readArchive(_ bytes: UnsafeRawBufferPointer) {
  ftruncate(memory, 0)
  precondition(pwrite(memory, bytes.baseAddress, bytes.count, 0) == bytes.count)
  let path = "/proc/self/fd/\(memory)"
  guard let archive = try? ReferenceArchive(path) else { return }
  for width in 1...4 {
    if let moments = try? archive.moments(featureCount: width) {
      precondition(moments.covariance.shape == [width, width])
    }
    _ = try? archive.spatialMoments(featureCount: width)
  }
  guard let images = archive.images else { return }
  precondition(images.labels.map { $0.count == images.count } ?? true)
  let most = max(1, 65_536 / (3 * images.height * images.width))
  for first in [0, images.count / 2, max(images.count - most, 0)] {
    let range = first..<min(first + most, images.count)
    if let part = try? images.images(range) {
      precondition(part.shape == [range.count, images.height, images.width, 3])
    }
  }
}

/// Reads an input of libFuzzer as a checkpoint and checks that every tensor lies within it. Bad input
/// should give an error; a trap is a finding. Models' sizes are then read from the tensors' shapes.
private func readCheckpoint(_ bytes: UnsafeRawBufferPointer) {
  guard let checkpoint = try? Checkpoint.embedded(bytes: bytes, name: "input") else { return }
  for entry in checkpoint.entries {
    let first = entry.byteOffset..<entry.byteOffset + entry.byteCount
    for run in [first] + entry.continuation {
      precondition(run.lowerBound >= 0 && run.upperBound <= bytes.count, "bytes beyond the file")
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
}
