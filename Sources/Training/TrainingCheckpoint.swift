internal import Checkpoint
internal import Files
internal import Foundation
internal import Layers
internal import Torch

/// One folder of a run's checkpoints: weights, average, optimizer and the numbers to go on by.
public struct TrainingCheckpoint {
  /// The folder.
  public let path: String

  /// The numbers beside the tensors.
  public struct State: Codable, Sendable, Equatable {
    /// What the trainer goes on by.
    public var trainer: TrainerState
    /// Rows that were taken from the data so far, over all ranks.
    public var sampleCount: Int
    /// What the run was made of, by option; a resumed run must agree.
    public var identity: [String: String]
    /// How many ranks there were; nil in files of one process from earlier versions.
    public var rankCount: Int?

    /// All numbers.
    public init(
      trainer: TrainerState, sampleCount: Int, identity: [String: String], rankCount: Int
    ) {
      self.trainer = trainer
      self.sampleCount = sampleCount
      self.identity = identity
      self.rankCount = rankCount
    }
  }

  /// A checkpoint that is there, or will be.
  public init(_ path: String) { self.path = path }

  /// A copy of everything that a checkpoint holds, so that training can go on while it is written.
  public struct Snapshot: @unchecked Sendable {
    fileprivate let files: [(name: String, tensors: [(name: String, tensor: Tensor)])]
    fileprivate let metadata: [String: String]
    fileprivate let state: State
  }

  /// Copies what a checkpoint holds; all ranks call it together.
  ///
  /// - Parameters:
  ///   - trainer: whose weights and moments.
  ///   - state: the numbers.
  ///   - metadata: texts for the weights' files.
  /// - Returns: the copy, to whose tensors nothing else refers; nil for ranks that do not write.
  /// - Throws: `LaunchError` if a rank is lost that has a part.
  public static func snapshot(
    _ trainer: Trainer, state: State, metadata: [String: String]
  ) throws -> Snapshot? {
    try withoutGradients {
      let (store, optimizer) = (trainer.model.store, trainer.optimizer)
      let isWriter = trainer.exchange.isWriter
      func copies(_ parts: [Tensor]) throws -> [(name: String, tensor: Tensor)] {
        var copies: [(name: String, tensor: Tensor)] = []
        try optimizer.forEachWhole(of: parts) { name, whole in
          if isWriter { copies.append((name, whole.to(.cpu).cloned)) }
        }
        return copies
      }
      let model =
        !isWriter
        ? []
        : store.names.compactMap { name in
          store[name].map { (name: name, tensor: $0.detached.to(.cpu).cloned) }
        }
      var files = [(name: "model.safetensors", tensors: model)]
      if optimizer.hasAverage {
        let averages = Dictionary(
          uniqueKeysWithValues: try copies(optimizer.averages).map { ($0.name, $0.tensor) })
        files.append(("ema.safetensors", model.map { ($0.name, averages[$0.name] ?? $0.tensor) }))
      }
      let first = try copies(optimizer.firstMoments)
      let second = try copies(optimizer.secondMoments)
      let moments = zip(first, second).flatMap { first, second in
        [
          (name: "exp_avg." + first.name, tensor: first.tensor),
          (name: "exp_avg_sq." + second.name, tensor: second.tensor),
        ]
      }
      files.append(("optimizer.safetensors", moments))
      return isWriter ? Snapshot(files: files, metadata: metadata, state: state) : nil
    }
  }

  /// Writes a copy; the folder appears under its name when it is whole.
  ///
  /// - Throws: `FileError`; nothing is left behind then.
  public func write(_ snapshot: Snapshot) throws {
    let partial = Folder.parent(of: path) + "/.partial-" + (path as NSString).lastPathComponent
    try? FileManager.default.removeItem(atPath: partial)
    try Folder.make(partial)
    do {
      for (name, tensors) in snapshot.files {
        try SafetensorsWriter.write(
          tensors, metadata: snapshot.metadata, to: partial + "/" + name)
      }
      let json = try JSONEncoder().encode(snapshot.state)
      try AtomicFile.write(String(decoding: json, as: UTF8.self), to: partial + "/state.json")
      try? FileManager.default.removeItem(atPath: path)
      try Folder.rename(partial, to: path)
    } catch {
      try? FileManager.default.removeItem(atPath: partial)
      throw error
    }
  }

  /// The tensors of a checkpoint that fit a trainer, opened and not yet read.
  struct Content {
    fileprivate let model: [Tensor]
    fileprivate let averages: [Tensor]
    fileprivate let firstMoments: [Tensor]
    fileprivate let secondMoments: [Tensor]
  }

  /// Opens the files and compares names and shapes with a trainer's.
  ///
  /// - Throws: `FileError`, `CheckpointError`; `TrainingError` where names or shapes differ.
  func content(for trainer: Trainer) throws -> Content {
    let (store, optimizer) = (trainer.model.store, trainer.optimizer)
    let weights = store.names.compactMap { name in store[name].map { (name, $0.shape) } }
    func trained(_ prefix: String) -> [(String, [Int])] {
      zip(optimizer.names, optimizer.parameters).map { (prefix + $0, $1.shape) }
    }
    return Content(
      model: try tensors(weights, of: "model.safetensors"),
      averages: optimizer.hasAverage ? try tensors(trained(""), of: "ema.safetensors") : [],
      firstMoments: try tensors(trained("exp_avg."), of: "optimizer.safetensors"),
      secondMoments: try tensors(trained("exp_avg_sq."), of: "optimizer.safetensors"))
  }

  /// Gives all ranks the weights, average and moments that rank 0 has opened.
  ///
  /// - Parameters:
  ///   - content: of rank 0; nil for the others.
  ///   - trainer: of the same model.
  /// - Throws: `LaunchError` if a rank is lost.
  static func restore(_ content: Content?, to trainer: Trainer) throws {
    let (store, optimizer) = (trainer.model.store, trainer.optimizer)
    let weights = store.names.compactMap { store[$0] }
    withoutGradients {
      for (weight, source) in zip(weights, content?.model ?? []) {
        weight.copyInPlace(from: source)
      }
    }
    try trainer.exchange.send(weights)
    var lists = [
      (optimizer.firstMoments, content?.firstMoments),
      (optimizer.secondMoments, content?.secondMoments),
    ]
    if optimizer.hasAverage { lists.append((optimizer.averages, content?.averages)) }
    for (parts, sources) in lists {
      for (index, parameter) in optimizer.parameters.enumerated() {
        let whole =
          sources.map { $0[index].to(.float32).contiguous.to(parameter.device) }
          ?? .empty(parameter.shape, device: parameter.device)
        try trainer.exchange.send([whole])
        optimizer.copy(whole, ofParameter: index, to: parts)
      }
    }
  }

  /// The numbers alone.
  ///
  /// - Throws: `FileError`; `TrainingError` for a damaged file.
  public func state() throws -> State {
    let file = try MappedFile(path + "/state.json")
    do {
      return try JSONDecoder().decode(State.self, from: Data(file.bytes))
    } catch {
      throw TrainingError("'\(path)/state.json' is damaged; go on from another checkpoint")
    }
  }

  private func tensors(_ wanted: [(String, [Int])], of name: String) throws -> [Tensor] {
    let state = try Checkpoint.open(path + "/" + name).stateDict
    let found = wanted.map { name, shape in
      state[name].flatMap { $0.shape == shape ? $0 : nil }
    }
    let missing = zip(wanted, found).filter { $0.1 == nil }.map { $0.0.0 }
    guard missing.isEmpty else {
      throw TrainingError(
        "'\(path)/\(name)' does not belong to this model: \(missing.count) tensors are missing or of"
          + " another shape, such as \(missing[0])")
    }
    return found.compactMap { $0 }
  }
}
