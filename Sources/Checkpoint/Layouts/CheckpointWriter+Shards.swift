internal import Files
public import Torch

extension CheckpointWriter {
  /// One file of a checkpoint of several.
  public struct Shard: Sendable {
    /// The file.
    public let path: String
    /// The records of its tensors, for `verify`.
    public let records: [Record]
  }

  /// Writes a model's weights to a folder as diffusers does: one safetensors file, or several with a
  /// list of them if one would be too large.
  ///
  /// - Parameters:
  ///   - tensors: unique names and their tensors.
  ///   - floatType: the type of floating-point tensors in the file; nil keeps each type.
  ///   - shardByteCount: the most bytes of tensors per file, unless one tensor has more.
  ///   - folder: the folder for the files.
  ///   - afterEach: called with the number of tensors written so far.
  /// - Returns: the files, for `verify`.
  /// - Throws: `FileError`, before anything is written if the disk lacks room; `CheckpointError`.
  public static func writeShards(
    _ tensors: [(name: String, tensor: Tensor)], floatType: DType? = nil, shardByteCount: Int,
    to folder: String, afterEach: (Int) throws -> Void = { _ in }
  ) throws -> [Shard] {
    let sizes = tensors.map { OutgoingTensor($0.name, $0.tensor, floatType: floatType).byteCount }
    try AtomicFile.checkRoom(sizes.reduce(0, +), for: folder)
    let ranges = shards(of: sizes, atMost: shardByteCount)
    let stem = PipelinePart.weightsStem
    var shards: [Shard] = []
    var files: [String: String] = [:]
    for (index, range) in ranges.enumerated() {
      let number = "-\(padded(index + 1))-of-\(padded(ranges.count))"
      let name = stem + (ranges.count == 1 ? "" : number) + ".safetensors"
      let path = "\(folder)/\(name)"
      let records = try write(
        Array(tensors[range]), as: .safetensors, floatType: floatType, metadata: ["format": "pt"],
        to: path
      ) { try afterEach(range.lowerBound + $0) }
      shards.append(Shard(path: path, records: records))
      records.forEach { files[$0.name] = name }
    }
    if ranges.count > 1 {
      try AtomicFile.write(
        ShardList.text(files, byteCount: sizes.reduce(0, +)),
        to: "\(folder)/\(stem).safetensors\(ShardList.suffix)")
    }
    return shards
  }

  /// Splits tensors into runs of at most `limit` bytes and at least one tensor.
  private static func shards(of sizes: [Int], atMost limit: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var (start, byteCount) = (0, 0)
    for (index, size) in sizes.enumerated() {
      if index > start, byteCount + size > limit {
        ranges.append(start..<index)
        (start, byteCount) = (index, 0)
      }
      byteCount += size
    }
    return ranges + [start..<sizes.count]
  }

  /// A number in five digits.
  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(5 - digits.count, 0)) + digits
  }
}
