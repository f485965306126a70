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

    /// All numbers.
    public init(trainer: TrainerState, sampleCount: Int, identity: [String: String]) {
      self.trainer = trainer
      self.sampleCount = sampleCount
      self.identity = identity
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

  /// Copies what a checkpoint holds.
  ///
  /// - Parameters:
  ///   - trainer: whose weights and moments.
  ///   - state: the numbers.
  ///   - metadata: texts for the weights' files.
  /// - Returns: the copy; nothing else refers to its tensors.
  public static func snapshot(
    _ trainer: Trainer, state: State, metadata: [String: String]
  ) -> Snapshot {
    withoutGradients {
      let (store, optimizer) = (trainer.model.store, trainer.optimizer)
      let model = store.names.compactMap { name in
        store[name].map { (name: name, tensor: $0.detached.to(.cpu).cloned) }
      }
      var files = [(name: "model.safetensors", tensors: model)]
      if !optimizer.averages.isEmpty {
        let averages = Dictionary(uniqueKeysWithValues: zip(optimizer.names, optimizer.averages))
        files.append(
          (
            "ema.safetensors",
            model.map { ($0.name, averages[$0.name].map { $0.to(.cpu).cloned } ?? $0.tensor) }
          ))
      }
      var moments: [(name: String, tensor: Tensor)] = []
      for (index, name) in optimizer.names.enumerated() {
        moments.append(("exp_avg." + name, optimizer.firstMoments[index].to(.cpu).cloned))
        moments.append(("exp_avg_sq." + name, optimizer.secondMoments[index].to(.cpu).cloned))
      }
      files.append(("optimizer.safetensors", moments))
      return Snapshot(files: files, metadata: metadata, state: state)
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

  /// Copies weights, average and moments into a trainer and lets it go on from there.
  ///
  /// - Parameters:
  ///   - trainer: of the same model.
  ///   - state: the numbers of this checkpoint.
  /// - Throws: `FileError`, `CheckpointError`; `TrainingError` where names or shapes differ.
  public func restore(_ trainer: Trainer, _ state: State) throws {
    try copy(
      "model.safetensors",
      into: trainer.model.store.names.compactMap { name in
        trainer.model.store[name].map { (name, $0) }
      })
    let optimizer = trainer.optimizer
    if !optimizer.averages.isEmpty {
      try copy("ema.safetensors", into: Array(zip(optimizer.names, optimizer.averages)))
    }
    try copy(
      "optimizer.safetensors",
      into: zip(optimizer.names, optimizer.firstMoments).map { ("exp_avg." + $0, $1) }
        + zip(optimizer.names, optimizer.secondMoments).map { ("exp_avg_sq." + $0, $1) })
    try trainer.restore(state.trainer)
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

  private func copy(_ name: String, into targets: [(String, Tensor)]) throws {
    let checkpoint = try Checkpoint.open(path + "/" + name)
    let state = checkpoint.stateDict
    let missing = targets.filter { state[$0.0]?.shape != $0.1.shape }.map(\.0)
    guard missing.isEmpty else {
      throw TrainingError(
        "'\(path)/\(name)' does not belong to this model: \(missing.count) tensors are missing or of"
          + " another shape, such as \(missing[0])")
    }
    withoutGradients {
      for (name, target) in targets {
        if let source = state[name] { target.copyInPlace(from: source) }
      }
    }
  }
}
