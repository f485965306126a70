internal import Checkpoint
internal import Layers
internal import Models
internal import Torch

/// Checks a checkpoint against a model.
struct StateCheck {
  private let path: String
  /// What else the file shows about its content, for messages.
  private let hint: String

  /// A check of a file.
  init(_ checkpoint: Checkpoint) {
    path = checkpoint.path
    let foreign = checkpoint.foreignTensors
    hint =
      foreign.isEmpty
      ? ""
      : "; the file has \(nameList(foreign.map(\.name))) in a type that is not computed in ("
        + Set(foreign.map(\.type)).sorted().joined(separator: ", ") + ")"
    names = checkpoint.entries.prefix(3).map(\.name)
  }

  /// The first names in the file.
  private let names: [String]

  /// Checks that a state dict has exactly the parameters of a model.
  ///
  /// Building the model over a state dict copies and reads nothing.
  ///
  /// - Parameters:
  ///   - state: by the model's names.
  ///   - build: makes the model at a scope.
  /// - Returns: the names in the order in which the model makes its parameters.
  /// - Throws: `ParameterStore.Mismatch` with all differences.
  static func names(of state: [String: Tensor], _ build: (Scope) -> Void) throws -> [String] {
    let store = ParameterStore(.load(state))
    build(store.root)
    try store.verifyLoaded()
    return store.names
  }

  /// Calls `body`; what does not fit the model becomes a `PipelineError` that names the file.
  ///
  /// - Parameters:
  ///   - mismatch: says what the file is not, if its parameters are another model's.
  ///   - body: reads the file.
  /// - Returns: what `body` returns.
  /// - Throws: `PipelineError`; what else `body` throws.
  func callAsFunction<Result>(_ mismatch: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as CheckpointError {
      throw PipelineError(.unusable, "'\(path)': \(error.message)")
    } catch let error as ModelError {
      throw PipelineError(
        .model(error.reason),
        "'\(path)': \(error.message)" + (error.reason == .other ? firstNames : "") + hint)
    } catch let difference as ParameterStore.Mismatch {
      let list = "\(difference)"
      throw PipelineError(
        .unusable,
        "'\(path)' \(mismatch): \(list)"
          + (list.contains("\n") ? hint.replacing("; ", with: "\n", maxReplacements: 1) : hint))
    }
  }

  private var firstNames: String {
    names.isEmpty ? "" : "; its first names are \(nameList(names))"
  }
}
