internal import Files
public import Torch

/// An opened checkpoint: a table of named tensors over mapped bytes.
///
/// Opening reads only the table, which takes milliseconds for any size; a tensor's bytes are read from
/// disk when touched. Files of up to 64 MB with checksums are read completely, to verify them. Every
/// offset is checked against the size of the file.
public final class Checkpoint {
  /// A tensor's entry in the table.
  public struct Entry: Sendable, Equatable {
    /// The name in the state dict.
    public let name: String
    /// The type of the elements.
    public let dtype: DType
    /// The sizes of the dimensions.
    public let shape: [Int]
    /// The distances between neighbours along each dimension, in elements.
    public let strides: [Int]
    /// The offset of the first element in the file, in bytes.
    public let byteOffset: Int
    /// The bytes from the first element to the end of the last one, or to the end of the first run if
    /// there are several.
    public let byteCount: Int
    /// The other runs of bytes, in order, of a tensor that is stored in several; mostly empty.
    public internal(set) var continuation: [Range<Int>] = []
    /// Whether the bytes are spelled as a text, each a character, as old pickles do with NumPy's arrays.
    var isText = false
    /// The index of its file, in a checkpoint of several files.
    public internal(set) var fileIndex = 0

    /// The number of elements.
    public var elementCount: Int { shape.reduce(1, *) }
    /// Whether the elements lie in row-major order without gaps.
    public var isContiguous: Bool {
      elementCount == 0
        || zip(shape, zip(strides, Tensor.contiguousStrides(of: shape)))
          .allSatisfy { $0 == 1 || $1.0 == $1.1 }
    }

    /// The entry under another name.
    func named(_ name: String) -> Entry {
      Entry(
        name: name, dtype: dtype, shape: shape, strides: strides, byteOffset: byteOffset,
        byteCount: byteCount, continuation: continuation, isText: isText, fileIndex: fileIndex)
    }
  }

  /// The format, detected from the content.
  public let format: CheckpointFormat
  /// The path, or the name given to embedded bytes.
  public let path: String
  /// Texts stored with the tensors, such as class names: the `__metadata__` of a safetensors file, the
  /// numbers and strings at the top of a PyTorch file, the strings of a MindSpore file.
  public let metadata: [String: String]
  /// The tensors, in the order of the file.
  public let entries: [Entry]
  /// Tensors of element types that are not computed in; no tensor is made of them.
  public let foreignTensors: [ForeignTensor]
  /// What was chosen or left out on opening.
  public let notes: [CheckpointNote]
  /// Whether the file also has the state of an optimizer.
  public let isTraining: Bool

  private let files: [CheckpointFile]
  private let positions: [String: Int]

  /// Opens a file of any known format, or the weights in a folder: a model or a whole pipeline that
  /// diffusers wrote, or an autoencoder's two halves.
  ///
  /// - Parameters:
  ///   - path: the file, which may also be diffusers' list of several files, or the folder.
  ///   - weights: which weights to take from a file that has several.
  ///   - part: which model to take from a pipeline's folder; nil for the first one there, the
  ///     transformer before the autoencoder.
  /// - Returns: the opened checkpoint.
  /// - Throws: `FileError` if it cannot be read; `CheckpointError` if it is damaged or of no use.
  public static func open(
    _ path: String, weights: WeightSet = .automatic, part: PipelinePart? = .transformer
  ) throws -> Checkpoint {
    let parts = part.map { [$0] } ?? PipelinePart.allCases
    if weights != .last, weights != .all,
      let part = parts.first(where: { $0.averageWeights(in: path) != nil }),
      let average = part.averageWeights(in: path)
    {
      return try open(file: average, .automatic, notes: [part.averageNote])
    }
    let path = parts.lazy.compactMap { $0.weights(in: path) }.first ?? path
    if parts.contains(.vae), let halves = try AutoencoderHalves(in: path) {
      return try Checkpoint(try halves.files(), path: path)
    }
    guard !Folder.exists(path) else {
      throw FileError(
        .isFolder, path: path,
        message: "cannot read '\(path)': it is a folder in which no file has the name of a"
          + " checkpoint; name a file\(Folder.remarkOnNames(in: path))")
    }
    if !Folder.hasFile(path), let remote = RemoteModel(missing: path) {
      throw CheckpointError(.remote(remote), "no file or folder '\(path)' is here")
    }
    return try open(file: path, weights)
  }

  /// Opens a file, or a list of several.
  private static func open(
    file path: String, _ weights: WeightSet, notes: [CheckpointNote] = []
  ) throws -> Checkpoint {
    guard path.hasSuffix(ShardList.suffix) else {
      return try Checkpoint([try CheckpointFile(path, weights)], path: path, notes: notes)
    }
    let list = try ShardList(path)
    let files = try list.fileNames.map { name in
      try CheckpointFile("\(Folder.parent(of: path))/\(name)", nil)
    }
    let checkpoint = try Checkpoint(files, path: path, choosing: weights, notes: notes)
    try list.check(files)
    return checkpoint
  }

  /// Opens a checkpoint in memory, such as one built into the program.
  ///
  /// - Parameters:
  ///   - bytes: the file's content. It must outlive all use of the tensors, which must not be written
  ///     to if the bytes are constant.
  ///   - name: the name to give in place of a path in messages.
  /// - Returns: the opened checkpoint.
  /// - Throws: `CheckpointError` if the content is damaged.
  public static func embedded(
    bytes: UnsafeRawBufferPointer, name: String
  ) throws -> Checkpoint {
    try Checkpoint([try CheckpointFile(bytes, path: name, file: nil, .automatic)], path: name)
  }

  /// Joins the tensors of files that belong together; `choosing` is nil if each file's weights are chosen.
  init(
    _ files: [CheckpointFile], path: String, choosing weights: WeightSet? = nil,
    notes found: [CheckpointNote] = []
  ) throws {
    guard let first = files.first else {
      throw CheckpointError(.noTensors, "'\(path)' lists no files")
    }
    format = first.format
    var contents = CheckpointContents()
    for (index, file) in files.enumerated() {
      contents.table.tensors += file.contents.table.tensors.map { $0.inFile(index) }
      contents.notes += file.contents.notes
    }
    if let weights {
      do {
        try contents.choose(weights, isMindSpore: first.format == .mindspore)
      } catch let error as CheckpointError {
        throw error.located(in: path)
      }
    }
    entries = contents.entries
    foreignTensors = contents.foreign
    positions = try Checkpoint.positions(of: entries, in: path)
    let outer = try PipelinePart.metadata(nextTo: path)
    metadata = files.reduce(into: outer.texts) { $0.merge($1.contents.metadata) { $1 } }
    let outerNames = outer.texts["class_names"]
    let namesDiffer = outerNames != nil && outerNames != metadata["class_names"]
    notes =
      found + contents.notes + outer.notes + (namesDiffer ? [.ownClassNames] : [])
      + (foreignTensors.isEmpty ? [] : [.foreignTypes(foreignTensors)])
    isTraining = files.contains(where: \.contents.isTraining)
    self.path = path
    self.files = files
  }

  /// The file and the names of each half, for an autoencoder in two files; empty for anything else.
  public var halves: [(half: AutoencoderHalf, path: String, names: [String])] {
    files.enumerated().compactMap { index, file in
      file.half.map { half in
        (half, file.path, entries.filter { $0.fileIndex == index }.map(\.name))
      }
    }
  }

  /// The paths of its files, in order; empty for bytes in memory.
  package var filePaths: [String] { files.filter { $0.file != nil }.map(\.path) }

  /// Whether it is a file, not bytes in memory.
  var isFile: Bool { files.contains { $0.file != nil } }

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

  /// A tensor over the file's bytes; nil if the name is missing.
  ///
  /// Only a tensor stored in several runs of bytes, or as text, is copied. Writing to it changes neither the file
  /// nor a checkpoint from another `open`, but does change tensors that share its storage.
  public func tensor(_ name: String) -> Tensor? {
    positions[name].map { tensor(of: entries[$0]) }
  }

  /// All tensors by name, over the file's bytes.
  public var stateDict: [String: Tensor] {
    positions.mapValues { tensor(of: entries[$0]) }
  }

  /// Releases the memory of what was read; tensors read their pages again when touched.
  ///
  /// Changes to tensors are lost.
  public func releasePages() { files.forEach { $0.file?.releasePages() } }

  /// The content of one of the files.
  func bytes(ofFile index: Int) -> UnsafeRawBufferPointer { files[index].bytes }

  /// The first run of bytes of a tensor.
  func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      rebasing: bytes(ofFile: entry.fileIndex)[
        entry.byteOffset..<entry.byteOffset + entry.byteCount])
  }

  private func tensor(of entry: Entry) -> Tensor {
    guard entry.continuation.isEmpty else { return joined(entry) }
    let run = bytes(of: entry)
    guard !entry.isText else { return NumPyRun.tensor(entry, ofText: run) }
    guard let start = UnsafeMutableRawPointer(mutating: run.baseAddress) else {
      return .empty(entry.shape, dtype: entry.dtype)
    }
    return Tensor(
      borrowing: start, shape: entry.shape, strides: entry.strides, dtype: entry.dtype, owner: self)
  }

  /// A copy of a tensor that is stored in several runs of bytes.
  private func joined(_ entry: Entry) -> Tensor {
    let tensor = Tensor.empty(entry.shape, dtype: entry.dtype)
    let bytes = files[entry.fileIndex].bytes
    tensor.withUnsafeMutableBytes { target in
      var offset = 0
      for run in [entry.byteOffset..<entry.byteOffset + entry.byteCount] + entry.continuation {
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + run.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[run]))
        offset += run.count
      }
    }
    return tensor
  }
}
