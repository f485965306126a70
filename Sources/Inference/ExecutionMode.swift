/// How a model is run.
public enum ExecutionMode: String, CaseIterable, Sendable {
  /// Compiled into a plan for the batch shape.
  case graph
  /// As written: the reference.
  case eager
}
