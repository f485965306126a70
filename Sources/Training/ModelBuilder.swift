public import Layers
public import Models
public import Torch

/// Weights that a run starts from.
public struct StartingWeights {
  /// The file that they are of.
  public let path: String
  /// By their published names.
  public let tensors: [String: Tensor]
  /// By number; empty where the file has none.
  public let classNames: [String]

  /// Weights of a file.
  public init(path: String, tensors: [String: Tensor], classNames: [String]) {
    self.path = path
    self.tensors = tensors
    self.classNames = classNames
  }
}

/// Makes the parameters that a run starts with.
public enum ModelBuilder {
  /// A model with random weights, or those of a checkpoint where names and shapes agree.
  ///
  /// A label table of other classes starts anew, but for rows whose class name both have; a number
  /// of channels, patches or a width of its own is an error.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - start: where weights come from; nil for none.
  ///   - classNames: of the data.
  ///   - seed: of the random weights.
  ///   - device: where the parameters go.
  /// - Returns: the model, its parameters, and what happened, for the user's eyes.
  /// - Throws: `TrainingError` if the weights are of another model.
  public static func build(
    _ config: DiTConfig, from start: StartingWeights?, classNames: [String], seed: UInt64,
    device: Device
  ) throws -> (model: DiT, store: ParameterStore, notes: [String]) {
    let generator = try Generator(seed: seed)
    let store = ParameterStore(.initialize(generator, device: device))
    let model = withoutGradients { DiT(config, at: store.root) }
    guard let start else { return (model, store, []) }
    var state = start.tensors
    var notes: [String] = []
    let table = "y_embedder.embedding_table.weight"
    if let target = store[table], let source = state[table], source.shape != target.shape,
      source.rank == 2, source.size(1) == target.size(1)
    {
      let kept = copyRows(
        source, names: start.classNames, to: target, names: classNames)
      notes.append(
        "the label table starts anew: \(source.size(0) - 1) classes in the checkpoint,"
          + " \(target.size(0) - 1) here; \(kept) rows kept by class name, and the null class")
      state[table] = nil
    }
    try copy(state, to: store, except: state[table] == nil ? [table] : [], path: start.path)
    return (model, store, notes)
  }

  /// Copies the null class and the rows of classes that both name.
  private static func copyRows(
    _ source: Tensor, names sourceNames: [String], to target: Tensor, names: [String]
  ) -> Int {
    var kept = 0
    withoutGradients {
      target[target.size(0) - 1].copyInPlace(from: source[source.size(0) - 1])
      for (index, name) in names.enumerated() where index < target.size(0) - 1 {
        guard let place = sourceNames.firstIndex(of: name), place < source.size(0) - 1 else {
          continue
        }
        target[index].copyInPlace(from: source[place])
        kept += 1
      }
    }
    return kept
  }

  private static func copy(
    _ state: [String: Tensor], to store: ParameterStore, except: Set<String>, path: String
  ) throws {
    var mismatch = ParameterStore.Mismatch()
    for name in store.names where !except.contains(name) {
      guard let target = store[name] else { continue }
      guard let source = state[name] else {
        mismatch.missing.append(name)
        continue
      }
      guard source.shape == target.shape else {
        mismatch.mismatched.append("\(name): \(source.shape) in the file, \(target.shape) here")
        continue
      }
      withoutGradients { target.copyInPlace(from: source) }
    }
    mismatch.unexpected = state.keys.filter { store[$0] == nil }.sorted()
    guard mismatch == ParameterStore.Mismatch() else {
      throw TrainingError("'\(path)' is of another model: \(mismatch)")
    }
  }
}
