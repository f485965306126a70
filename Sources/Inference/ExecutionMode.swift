/// The form in which a model runs.
public enum ExecutionMode: String, CaseIterable, Codable, Sendable {
  /// Packed; on a GPU steps are recorded in a graph.
  case graph
  /// As written: the reference.
  case eager
}
