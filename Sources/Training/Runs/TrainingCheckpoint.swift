internal import Checkpoint
internal import Pipeline
internal import Files
internal import Foundation
internal import Layers
internal import Torch

/// One checkpoint of a run: a folder with weights, moving average, optimizer and the run's numbers.
public struct TrainingCheckpoint {
  /// The folder.
  public let path: String

  /// The numbers next to the tensors: `state.json`.
  public struct State: Codable, Sendable, Equatable {
    /// The trainer's numbers.
    public var trainer: TrainerState
    /// Rows that were taken from the data so far, over all ranks.
    public var sampleCount: Int
    /// What the run is made of, by option; a resumed run must agree. `identity` in the file.
    public var fingerprint: [String: String]
    /// The number of ranks; nil in files of one process from earlier versions.
    public var rankCount: Int?
    /// Checksums by file, written with them; nil in files of earlier versions.
    public internal(set) var checksums: [String: String]?

    private enum CodingKeys: String, CodingKey {
      case trainer, sampleCount
      case fingerprint = "identity"
      case rankCount, checksums
    }

    /// All numbers.
    public init(
      trainer: TrainerState, sampleCount: Int, fingerprint: [String: String], rankCount: Int
    ) {
      self.trainer = trainer
      self.sampleCount = sampleCount
      self.fingerprint = fingerprint
      self.rankCount = rankCount
    }
  }

  /// The trained objects that a checkpoint holds.
  struct Subject {
    let store: ParameterStore
    let optimizer: AdamW
    let parallel: DataParallel
  }

  /// A checkpoint that exists, or will.
  public init(_ path: String) { self.path = path }

  /// The content of a checkpoint, which another thread writes while training continues.
  public struct Snapshot: @unchecked Sendable {
    fileprivate var files: [(name: String, entries: [Entry])]
    fileprivate let metadata: [String: String]
    fileprivate let state: State

    /// A tensor of a file.
    fileprivate struct Entry {
      let name: String
      var tensor: Tensor
      /// Whether it is the trainer's own tensor, which the next update changes.
      var isBorrowed: Bool
    }

    /// A snapshot with copies of the trainer's own tensors; to be called before the next update.
    ///
    /// It copies on the calling thread, since libtorch's threads compute the next step meanwhile.
    ///
    /// - Throws: `TorchError` if memory does not suffice.
    func copied() throws -> Snapshot {
      var copies: [ObjectIdentifier: Tensor] = [:]
      func copy(_ tensor: Tensor) throws -> Tensor {
        if let copy = copies[ObjectIdentifier(tensor)] { return copy }
        let copy = try withTorchErrors { Tensor.empty(tensor.shape, dtype: tensor.dtype) }
        tensor.withUnsafeBytes { source in
          copy.withUnsafeMutableBytes { $0.copyMemory(from: source) }
        }
        copies[ObjectIdentifier(tensor)] = copy
        return copy
      }
      var snapshot = self
      snapshot.files = try files.map { name, entries in
        let entries = try entries.map {
          $0.isBorrowed
            ? Entry(name: $0.name, tensor: try copy($0.tensor), isBorrowed: false) : $0
        }
        return (name, entries)
      }
      return snapshot
    }
  }

  /// Gathers the content of a checkpoint. All ranks call it together.
  ///
  /// - Parameters:
  ///   - trainer: has the weights and moments.
  ///   - state: the numbers.
  ///   - metadata: of the safetensors files.
  /// - Returns: the content, which refers to tensors of the trainer until it is `copied`; nil for ranks
  ///   that do not write.
  /// - Throws: `LaunchError` if a rank that has a part is lost.
  public static func snapshot(
    _ trainer: Trainer, state: State, metadata: [String: String]
  ) throws -> Snapshot? {
    try snapshot(of: trainer.subject, state: state, metadata: metadata)
  }

  /// Gathers the content of a checkpoint of any trained objects.
  static func snapshot(
    of subject: Subject, state: State, metadata: [String: String]
  ) throws -> Snapshot? {
    try withoutGradients {
      let (store, optimizer) = (subject.store, subject.optimizer)
      let isWriter = subject.parallel.isWriter
      func entry(_ name: String, _ tensor: Tensor, isOwn: Bool) -> Snapshot.Entry {
        Snapshot.Entry(
          name: name, tensor: tensor.detached.to(.cpu), isBorrowed: isOwn && tensor.device.isCPU)
      }
      func entries(_ prefix: String, _ parts: [Tensor]) throws -> [Snapshot.Entry] {
        var entries: [Snapshot.Entry] = []
        try optimizer.forEachWhole(of: parts) { name, whole in
          guard isWriter else { return }
          entries.append(entry(prefix + name, whole, isOwn: !optimizer.isSharded))
        }
        return entries
      }
      let model =
        !isWriter
        ? []
        : store.names.compactMap { name in store[name].map { entry(name, $0, isOwn: true) } }
      var files = [(name: RunFolderLayout.weights, entries: model)]
      if optimizer.hasEMA {
        let ema = Dictionary(
          uniqueKeysWithValues: try entries("", optimizer.ema).map { ($0.name, $0) })
        files.append((RunFolderLayout.emaWeights, model.map { ema[$0.name] ?? $0 }))
      }
      let first = try entries("exp_avg.", optimizer.firstMoments)
      let second = try entries("exp_avg_sq.", optimizer.secondMoments)
      files.append(("optimizer.safetensors", zip(first, second).flatMap { [$0, $1] }))
      return isWriter ? Snapshot(files: files, metadata: metadata, state: state) : nil
    }
  }

  /// Writes a snapshot; the folder appears under its name when it is whole.
  ///
  /// - Throws: `FileError`; nothing is left behind then.
  public func write(_ snapshot: Snapshot) throws {
    let partial =
      Folder.parent(of: path) + "/" + RunDirectory.partialPrefix
      + (path as NSString).lastPathComponent
    try? FileManager.default.removeItem(atPath: partial)
    try Folder.make(partial)
    do {
      var checksums: [String: String] = [:]
      for (name, entries) in snapshot.files {
        let file = partial + "/" + name
        let records = try CheckpointWriter.write(
          entries.map { ($0.name, $0.tensor) }, metadata: snapshot.metadata, to: file)
        checksums[name] = try Checkpoint.open(file, weights: .all).checksum(written: records)
      }
      var state = snapshot.state
      state.checksums = checksums
      let json = try JSONEncoder().encode(state)
      try AtomicFile.write(
        String(decoding: json, as: UTF8.self), to: partial + "/" + RunFolderLayout.record)
      try? FileManager.default.removeItem(atPath: path)
      try Folder.rename(partial, to: path)
    } catch {
      try? FileManager.default.removeItem(atPath: partial)
      throw error
    }
  }

  /// The tensors of a checkpoint.
  struct Content {
    fileprivate let model: [Tensor]
    fileprivate let ema: [Tensor]
    fileprivate let firstMoments: [Tensor]
    fileprivate let secondMoments: [Tensor]
  }

  /// Opens the files, and compares names and shapes with the trained ones, and the content with the
  /// checksums.
  ///
  /// - Parameters:
  ///   - subject: of the same model.
  ///   - checksums: by file; nil for files of earlier versions.
  /// - Returns: the tensors, over the mapped files.
  /// - Throws: `FileError`, `CheckpointError`; `TrainingError` if names or shapes differ, or numbers are
  ///   not finite.
  func content(for subject: Subject, checksums: [String: String]?) throws -> Content {
    let (store, optimizer) = (subject.store, subject.optimizer)
    func tensors(_ wanted: [(String, [Int])], of name: String) throws -> [Tensor] {
      try self.tensors(wanted, of: name, checksums)
    }
    let weights = store.names.compactMap { name in store[name].map { (name, $0.shape) } }
    func trained(_ prefix: String) -> [(String, [Int])] {
      zip(optimizer.names, optimizer.parameters).map { (prefix + $0, $1.shape) }
    }
    let moments = try tensors(
      trained("exp_avg.") + trained("exp_avg_sq."), of: "optimizer.safetensors")
    let count = optimizer.parameters.count
    return Content(
      model: try tensors(weights, of: RunFolderLayout.weights),
      ema: optimizer.hasEMA ? try tensors(trained(""), of: RunFolderLayout.emaWeights) : [],
      firstMoments: Array(moments[..<count]), secondMoments: Array(moments[count...]))
  }

  /// Sends weights, average and moments from rank 0 to all ranks.
  ///
  /// - Parameters:
  ///   - content: of rank 0; nil for the others.
  ///   - subject: of the same model.
  /// - Throws: `LaunchError` if a rank is lost.
  static func restore(_ content: Content?, to subject: Subject) throws {
    let (store, optimizer, parallel) = (subject.store, subject.optimizer, subject.parallel)
    let weights = store.names.compactMap { store[$0] }
    withoutGradients {
      for (weight, source) in zip(weights, content?.model ?? []) {
        weight.copyInPlace(from: source)
      }
    }
    try parallel.send(weights)
    var lists = [
      (optimizer.firstMoments, content?.firstMoments),
      (optimizer.secondMoments, content?.secondMoments),
    ]
    if optimizer.hasEMA { lists.append((optimizer.ema, content?.ema)) }
    for (parts, sources) in lists {
      for (index, parameter) in optimizer.parameters.enumerated() {
        let whole =
          sources.map { $0[index].to(.float32).contiguous.to(parameter.device) }
          ?? .empty(parameter.shape, device: parameter.device)
        try parallel.send([whole])
        optimizer.copy(whole, ofParameter: index, to: parts)
      }
    }
  }

  /// Reads the numbers alone.
  ///
  /// - Throws: `FileError`; `TrainingError` for a damaged file.
  public func state() throws -> State {
    let file = try MappedFile(path + "/" + RunFolderLayout.record)
    do {
      return try JSONDecoder().decode(State.self, from: Data(file.bytes))
    } catch {
      throw TrainingError(
        "'\(path)/\(RunFolderLayout.record)' is damaged; resume from another checkpoint")
    }
  }

  private func tensors(
    _ wanted: [(String, [Int])], of name: String, _ checksums: [String: String]?
  ) throws -> [Tensor] {
    let checkpoint = try Checkpoint.open(path + "/" + name, weights: .all)
    let state = checkpoint.stateDict
    let found = wanted.map { name, shape in
      state[name].flatMap { $0.shape == shape ? $0 : nil }
    }
    let missing = zip(wanted, found).filter { $0.1 == nil }.map { $0.0.0 }
    guard missing.isEmpty else {
      throw TrainingError(
        "'\(path)/\(name)' does not belong to this model: \(missing.count) tensors are missing or of"
          + " another shape, such as \(missing[0])")
    }
    try RunRecord.verify(checkpoint, checksums)
    let tensors = found.compactMap { $0 }
    try WeightCheck.check(zip(wanted.map(\.0), tensors), of: checkpoint.path)
    checkpoint.releasePages()
    return tensors
  }
}

extension Trainer {
  /// The objects that its checkpoints hold.
  var subject: TrainingCheckpoint.Subject {
    .init(store: model.store, optimizer: optimizer, parallel: parallel)
  }
}

extension TrainingCheckpoint.State {
  /// The differences between the fingerprints of two runs.
  ///
  /// - Parameters:
  ///   - other: the fingerprint of the other.
  ///   - keys: may differ.
  /// - Returns: a list in words; nil if they agree.
  func difference(from other: [String: String], except keys: Set<String> = []) -> String? {
    // Earlier versions wrote fewer keys, and knew one objective of a DiT.
    let objective = other["objective"].map { _ in ["objective": "ddpm"] } ?? [:]
    let fingerprint = objective.merging(fingerprint) { $1 }
    let differing = fingerprint.keys.filter { fingerprint[$0] != other[$0] && !keys.contains($0) }
    func shown(_ value: String?) -> String { value.flatMap { $0.isEmpty ? nil : $0 } ?? "nothing" }
    let list = differing.sorted().map {
      "\($0): \(shown(fingerprint[$0])) there, \(shown(other[$0])) here"
    }
    return list.isEmpty ? nil : list.joined(separator: "; ")
  }
}
