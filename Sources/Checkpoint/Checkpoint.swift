internal import Files
public import Torch

/// An opened checkpoint: a table of named tensors over mapped bytes.
///
/// Opening reads the table alone, so that it takes milliseconds for any size; a tensor's bytes come
/// from disk when they are touched. Only files of up to 64 MB that have checksums are read whole, to
/// compare them. Every offset was checked against the size of the file.
public final class Checkpoint {
  /// A tensor's place in the file.
  public struct Entry: Sendable, Equatable {
    /// The name in the state dict.
    public let name: String
    /// The type of the elements.
    public let dtype: DType
    /// The sizes of the dimensions.
    public let shape: [Int]
    /// The distances between neighbours along each dimension, in elements.
    public let strides: [Int]
    /// Where the first element begins, in bytes from the start of the file.
    public let byteOffset: Int
    /// The bytes from the beginning of the first element to the end of the last, or to the end of
    /// the first run if there are more.
    public let byteCount: Int
    /// Where the rest lies, in order, for a tensor that the file has in several runs of bytes;
    /// empty for nearly all.
    public internal(set) var continuation: [Range<Int>] = []
    /// Which of the files it lies in, for a checkpoint that is split over several.
    public internal(set) var fileIndex = 0

    /// The number of elements.
    public var elementCount: Int { shape.reduce(1, *) }
    /// Whether the elements lie in row-major order without gaps.
    public var isContiguous: Bool {
      elementCount == 0
        || zip(shape, zip(strides, Tensor.contiguousStrides(of: shape)))
          .allSatisfy { $0 == 1 || $1.0 == $1.1 }
    }

    /// The same place under another name.
    func named(_ name: String) -> Entry {
      Entry(
        name: name, dtype: dtype, shape: shape, strides: strides, byteOffset: byteOffset,
        byteCount: byteCount, continuation: continuation, fileIndex: fileIndex)
    }
  }

  /// The format, found out from the content.
  public let format: CheckpointFormat
  /// The path, or the name given to embedded bytes.
  public let path: String
  /// Texts stored beside the tensors, such as class names: safetensors' `__metadata__`; in a
  /// PyTorch file, the numbers and strings at its top; in a MindSpore file, its strings.
  public let metadata: [String: String]
  /// The tensors, in the order of the file.
  public let entries: [Entry]
  /// What was chosen or left out on opening, a line each, for the user's eyes.
  public let notes: [String]
  /// Whether the file also has the state of an optimizer, as training leaves it.
  public let isTraining: Bool

  private let files: [CheckpointFile]
  private let positions: [String: Int]

  /// Opens a file of any known format, or the weights in a folder: that of a training checkpoint, of
  /// a training run, whose last checkpoint is taken, of a model that diffusers wrote, of a whole
  /// pipeline, or of an autoencoder's two halves.
  ///
  /// - Parameters:
  ///   - path: the file, which may also be diffusers' list of several files, or the folder.
  ///   - weights: which weights to take where a training's file has several.
  ///   - part: which model to take where a pipeline has several; nil for the one that there is, the
  ///     transformer before the autoencoder.
  /// - Returns: the opened checkpoint.
  /// - Throws: `FileError` if it cannot be read; `CheckpointError` if it is no good.
  public static func open(
    _ path: String, weights: WeightSet = .automatic, part: PipelinePart? = .transformer
  ) throws -> Checkpoint {
    let parts = part.map { [$0] } ?? PipelinePart.allCases
    let path =
      self.weights(in: path) ?? parts.lazy.compactMap { $0.weights(in: path) }.first ?? path
    if parts.contains(.vae), let halves = try AutoencoderHalves(in: path) {
      return try Checkpoint(try halves.files(), path: path)
    }
    guard !Folder.exists(path) else {
      throw FileError(
        .isFolder, path: path,
        message: "cannot read '\(path)': it is a folder in which no file has the name of a"
          + " checkpoint; name a file")
    }
    guard path.hasSuffix(ShardList.suffix) else {
      return try Checkpoint([try CheckpointFile(path, weights)], path: path)
    }
    let list = try ShardList(path)
    let files = try list.fileNames.map { name in
      try CheckpointFile("\(Folder.parent(of: path))/\(name)", weights)
    }
    let checkpoint = try Checkpoint(files, path: path)
    try list.check(checkpoint)
    return checkpoint
  }

  /// The averaged weights of a training checkpoint, or of the last one of a run, else its weights;
  /// nil if there are none.
  private static func weights(in folder: String) -> String? {
    let stem = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    return ["", "/latest", "/checkpoints/latest"].lazy.flatMap { place in
      ["ema.safetensors", "model.safetensors"].map { "\(stem)\(place)/\($0)" }
    }.first(where: Folder.hasFile)
  }

  /// Opens a checkpoint that lies in memory, such as one built into the program.
  ///
  /// - Parameters:
  ///   - bytes: the whole file; they must outlive the process's use of the tensors, and the
  ///     tensors must not be written if the bytes are constant.
  ///   - name: stands for the path in messages.
  /// - Returns: the opened checkpoint.
  /// - Throws: `CheckpointError` if the bytes are no good.
  public static func embedded(
    bytes: UnsafeRawBufferPointer, name: String
  ) throws -> Checkpoint {
    try Checkpoint([try CheckpointFile(bytes, path: name, file: nil, .automatic)], path: name)
  }

  /// The tensors of files that belong together.
  init(_ files: [CheckpointFile], path: String) throws {
    guard let first = files.first else {
      throw CheckpointError(.noTensors, "'\(path)' lists no files")
    }
    format = first.format
    entries = files.enumerated().flatMap { index, file in
      file.contents.entries.map { entry in
        var entry = entry
        entry.fileIndex = index
        return entry
      }
    }
    positions = try Checkpoint.positions(of: entries, in: path)
    metadata = files.reduce(into: PipelinePart.metadata(beside: path)) {
      $0.merge($1.contents.metadata) { $1 }
    }
    notes = files.flatMap(\.contents.notes)
    isTraining = files.contains(where: \.contents.isTraining)
    self.path = path
    self.files = files
  }

  /// The index of each name.
  private static func positions(of entries: [Entry], in path: String) throws -> [String: Int] {
    var positions: [String: Int] = [:]
    positions.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      guard positions.updateValue(index, forKey: entry.name) == nil else {
        throw CheckpointError(.damaged, "two tensors have the name '\(entry.name)'")
          .located(in: path)
      }
    }
    return positions
  }

  /// A tensor over the file's bytes, or nil if the name is not there.
  ///
  /// Nothing is copied but a tensor whose bytes lie in several runs. Writing into it changes neither
  /// the file nor the checkpoint of another `open`, but does change tensors that share its storage.
  public func tensor(_ name: String) -> Tensor? {
    positions[name].map { tensor(of: entries[$0]) }
  }

  /// All tensors by name, over the file's bytes.
  public var stateDict: [String: Tensor] {
    positions.mapValues { tensor(of: entries[$0]) }
  }

  /// Lets go of the memory of what was read so far; tensors read their pages again when touched.
  ///
  /// What was written into tensors is lost.
  public func releasePages() { files.forEach { $0.file?.releasePages() } }

  private func tensor(of entry: Entry) -> Tensor {
    guard entry.continuation.isEmpty else { return joined(entry) }
    let bytes = files[entry.fileIndex].bytes
    let run = UnsafeRawBufferPointer(
      rebasing: bytes[entry.byteOffset..<entry.byteOffset + entry.byteCount])
    guard let start = UnsafeMutableRawPointer(mutating: run.baseAddress) else {
      return .empty(entry.shape, dtype: entry.dtype)
    }
    return Tensor(
      borrowing: start, shape: entry.shape, strides: entry.strides, dtype: entry.dtype, owner: self)
  }

  /// A copy of a tensor that the file has in several runs of bytes.
  private func joined(_ entry: Entry) -> Tensor {
    let tensor = Tensor.empty(entry.shape, dtype: entry.dtype)
    let bytes = files[entry.fileIndex].bytes
    tensor.withUnsafeMutableBytes { target in
      var place = 0
      for run in [entry.byteOffset..<entry.byteOffset + entry.byteCount] + entry.continuation {
        UnsafeMutableRawBufferPointer(rebasing: target[place..<place + run.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[run]))
        place += run.count
      }
    }
    return tensor
  }
}
