/// Reads files of `torch.save` before PyTorch 1.6, and later ones of the old format.
///
/// Source: pytorch, torch/serialization.py, `_legacy_save`: pickles of a magic number, a protocol
/// version, facts about the machine, the object and the keys of its storages; then for each storage the
/// number of elements in 8 bytes and the elements.
enum LegacyPyTorchFile {
  /// The magic number 0x1950a86a20f9469cfc6c and the end of its pickle.
  private static let magic: [UInt8] = [
    0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]
  /// What comes before it in each protocol; from 4 on a frame of 13 bytes.
  private static let beginnings: [[UInt8]] = [
    [0x80, 2], [0x80, 3], [0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0],
    [0x80, 5, 0x95, 13, 0, 0, 0, 0, 0, 0, 0],
  ]
  private static let protocolVersion = 1001

  /// Whether the bytes begin with the magic number.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool { magicEnd(bytes) != nil }

  /// The place after the magic number; nil if the bytes do not begin with it.
  private static func magicEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
    beginnings.map { $0 + magic }.first { bytes.starts(with: $0) }?.count
  }

  /// Reads the table of tensors.
  ///
  /// - Throws: `CheckpointError`.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> CheckpointContents {
    let cursor = try ByteCursor(
      bytes, at: magicEnd(bytes) ?? 0, reading: "the file's pickle")
    let version = try PickleMachine.read(cursor)
    guard case .integer(protocolVersion) = version.graph[version.root] else {
      throw CheckpointError(
        .unsupported, "the file's protocol version is not \(protocolVersion), the only one known")
    }
    let system = try PickleMachine.read(version.end)
    try checkByteOrder(system.graph, system.root)
    let object = try PickleMachine.read(system.end)
    let keys = try PickleMachine.read(object.end)
    let ranges = try storages(keys, object.graph)
    var contents = try PyTorchState.contents(object.graph, root: object.root) { ranges[$0] }
    contents.notes.append(.oldPyTorchFormat)
    return contents
  }

  private static func checkByteOrder(_ graph: PickleGraph, _ root: PickleGraph.Index) throws {
    let order = try graph.members(root)?.first { $0.key == "little_endian" }?.value
    guard let order, case .bool(true) = graph[order] else {
      throw CheckpointError(
        .unsupported, "the file's numbers are not little-endian; save it on another machine")
    }
  }

  /// The ranges of the storages, which follow the list of their keys to the end of the file.
  private static func storages(
    _ keys: (graph: PickleGraph, root: PickleGraph.Index, end: ByteCursor), _ object: PickleGraph
  ) throws -> [String: Range<Int>] {
    guard case .list(let content) = keys.graph[keys.root] else {
      throw CheckpointError(.damaged, "the file's list of storages is not a list")
    }
    let types = Dictionary(
      object.storages.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    var cursor = try ByteCursor(
      keys.end.bytes, at: keys.end.offset, reading: "the file's storages")
    var ranges: [String: Range<Int>] = [:]
    for item in keys.graph.items[content] {
      guard let key = keys.graph.text(item), let storage = types[key] else {
        throw CheckpointError(.damaged, "the file lists a storage that it does not use")
      }
      let count = try cursor.takeCount(Int64.self)
      guard let size = storage.type == nil ? 1 : storage.type?.byteCount else {
        throw CheckpointError(
          .unsupported, "storage \(clipped(key)) has an element type of unknown size")
      }
      let (byteCount, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, count == storage.count else {
        throw CheckpointError(
          .damaged,
          "storage \(clipped(key)) has \(count) elements and should have \(storage.count)")
      }
      let begin = cursor.offset
      _ = try cursor.take(byteCount)
      guard ranges.updateValue(begin..<cursor.offset, forKey: key) == nil else {
        throw CheckpointError(.damaged, "storage \(clipped(key)) comes twice")
      }
    }
    guard cursor.remaining == 0 else {
      throw CheckpointError(
        .damaged, "the file has \(cursor.remaining) bytes after its last storage")
    }
    return ranges
  }
}
