internal import Checkpoint
internal import Layers
internal import Models
internal import Torch

/// Checks a checkpoint against a model.
struct StateCheck {
  /// The file, for messages.
  let path: String

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
      throw PipelineError(.model(error.reason), "'\(path)': \(error.message)")
    } catch let difference as ParameterStore.Mismatch {
      throw PipelineError(.unusable, "'\(path)' \(mismatch): \(difference)")
    }
  }
}
