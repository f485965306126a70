/// Reads files of `torch.save`.
///
/// Source: pytorch, torch/serialization.py: a zip archive of one folder with `data.pkl`, `version`,
/// `byteorder` and the storages as `data/KEY`. Nothing in the pickle is executed.
enum PyTorchFile {
  /// The most bytes of storages to verify by their checksums; for more, that would take seconds and all
  /// memory.
  static let maximumVerifiedByteCount = 64 << 20

  /// The format versions that PyTorch itself reads.
  private static let versions = 1...10

  /// Whether the bytes look like any of this reader's formats.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
    ZipSignature.begins(bytes) || LegacyPyTorchFile.begins(bytes)
  }

  /// Whether the bytes look like a pickle by itself. Files of other formats may begin in the same way.
  static func isPickle(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count > 1 && bytes[0] == 0x80 && (2...5).contains(bytes[1])
  }

  /// Reads the table of tensors.
  ///
  /// - Throws: `CheckpointError`.
  static func read(_ bytes: UnsafeRawBufferPointer) throws -> CheckpointContents {
    if LegacyPyTorchFile.begins(bytes) { return try LegacyPyTorchFile.read(bytes) }
    guard ZipSignature.begins(bytes) else { return try readPickle(bytes) }
    let archive = try ZipArchive(bytes)
    let folder = try folder(of: archive)
    try checkVersion(archive, folder)
    let pickle = try archive.verified(folder + "data.pkl")
    let (graph, root, end) = try PickleMachine.read(ByteCursor(pickle, reading: "data.pkl"))
    guard end.remaining == 0 else {
      throw CheckpointError(.damaged, "data.pkl has \(end.remaining) bytes after its end")
    }
    let start = archive.entry(folder + "data.pkl")?.data.lowerBound ?? 0
    var contents = try PyTorchState.contents(graph, root: root, start: start) { key in
      archive.entry("\(folder)data/\(key)")?.data
    }
    try verifyStorages(archive, folder)
    if archive.lacksChecksums { contents.notes.append(.noChecksums) }
    return contents
  }

  /// Reads a pickle by itself, which may hold arrays of NumPy, but no tensors.
  private static func readPickle(_ bytes: UnsafeRawBufferPointer) throws -> CheckpointContents {
    do {
      let (graph, root, end) = try PickleMachine.read(ByteCursor(bytes, reading: "the pickle"))
      guard end.remaining == 0 else {
        throw CheckpointError(.damaged, "it has \(end.remaining) bytes after its end")
      }
      return try PyTorchState.contents(graph, root: root) { _ in nil }
    } catch let error as CheckpointError {
      throw CheckpointError(
        error.reason == .refused ? .refused : .unknownFormat,
        "this is a bare pickle, not a file of `torch.save`, and no dict of NumPy arrays:"
          + " \(error.message)")
    }
  }

  /// The one folder that has a `data.pkl`, with a slash at its end.
  private static func folder(of archive: ZipArchive) throws -> String {
    try refuseProgram(archive)
    let parts = archive.entries.map { $0.name.split(separator: "/") }
    let folders = parts.filter { $0.count == 2 && $0[1] == "data.pkl" }.map { $0[0] }
    guard folders.count == 1 else {
      let isNumPy = archive.entries.contains { $0.name.hasSuffix(".npy") }
      throw CheckpointError(
        .unknownFormat,
        isNumPy
          ? "this is an archive of NumPy arrays; save the weights with `torch.save` or safetensors"
          : folders.isEmpty
            ? "this zip archive was not written by `torch.save`: it has no 'data.pkl' in a folder"
            : "this zip archive has several 'data.pkl'; one is needed")
    }
    try archive.checkStored()
    return "\(folders[0])/"
  }

  /// Refuses programs: what `torch.jit.save` and `torch.export.save` write.
  private static func refuseProgram(_ archive: ZipArchive) throws {
    func has(_ isMatch: (ArraySlice<Substring>) -> Bool) -> Bool {
      archive.entries.contains { isMatch($0.name.split(separator: "/").dropFirst()) }
    }
    let isScript = has { path in
      ["constants.pkl", "bytecode.pkl", "attributes.pkl"].contains(path.joined(separator: "/"))
        || path.first == "code" && path.count > 1
    }
    guard !isScript else {
      throw CheckpointError(
        .unsupported,
        "this is a TorchScript program, as `torch.jit.save` writes it; load it with"
          + " `torch.jit.load` and save its `state_dict()` with `torch.save`")
    }
    let isExport = archive.entries.contains {
      $0.name.hasSuffix("serialized_exported_program.json") || $0.name.hasSuffix("/archive_format")
    }
    guard !isExport else {
      throw CheckpointError(
        .unsupported,
        "this is an exported program, as `torch.export.save` writes it; load it with"
          + " `torch.export.load` and save its `state_dict` with `torch.save`")
    }
  }

  private static func checkVersion(_ archive: ZipArchive, _ folder: String) throws {
    let version = try text(archive, folder + "version")
    guard let number = Int(version), versions.contains(number) else {
      throw CheckpointError(
        .unsupported,
        "the file has version \(clipped(version)); known are \(versions.lowerBound) to"
          + " \(versions.upperBound)")
    }
    guard archive.entry(folder + "byteorder") != nil else { return }
    let order = try text(archive, folder + "byteorder")
    guard order == "little" else {
      throw CheckpointError(
        .unsupported,
        "the file has byte order \(clipped(order)); save it on a little-endian machine")
    }
  }

  /// A short record as text without white space at its end.
  private static func text(_ archive: ZipArchive, _ name: String) throws -> String {
    let bytes = try archive.verified(name)
    guard bytes.count <= 64, let text = String(validating: bytes, as: UTF8.self) else {
      throw CheckpointError(.damaged, "zip entry \(clipped(name)) is not a short text")
    }
    return String(text.prefix { !$0.isWhitespace })
  }

  private static func verifyStorages(_ archive: ZipArchive, _ folder: String) throws {
    let storages = archive.entries.filter { $0.name.hasPrefix(folder + "data/") }
    // Entries do not overlap, so that the sum is less than the file.
    let byteCount = storages.reduce(0) { $0 + $1.data.count }
    guard byteCount <= maximumVerifiedByteCount else { return }
    for storage in storages { try archive.verify(storage) }
  }
}

extension ZipArchive {
  /// The verified bytes of a required entry.
  fileprivate func verified(_ name: String) throws -> UnsafeRawBufferPointer {
    guard let entry = entry(name) else {
      throw CheckpointError(
        .damaged, "zip entry \(clipped(name)) is missing; was the archive repacked?")
    }
    try verify(entry)
    return content(entry)
  }
}
