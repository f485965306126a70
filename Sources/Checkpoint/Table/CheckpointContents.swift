/// The content of a file.
struct CheckpointContents {
  /// The tensors; of a training's file those of the last step.
  var table = StateTable()
  /// What may be averaged weights, where the file has them apart from the others.
  var averages: [StateTable] = []
  /// Averaged weights that cannot be read.
  var unreadAverages: [UnreadAverage] = []
  var metadata: [String: String] = [:]
  var notes: [CheckpointNote] = []
  var isTraining = false

  /// The tensors of known types.
  var entries: [Checkpoint.Entry] {
    get { table.tensors.compactMap { if case .known(let entry) = $0 { entry } else { nil } } }
    set { table.tensors = newValue.map(StoredTensor.known) + foreign.map(StoredTensor.foreign) }
  }

  /// The tensors of other types.
  var foreign: [ForeignTensor] {
    table.tensors.compactMap { if case .foreign(let tensor) = $0 { tensor } else { nil } }
  }
}

/// A set of tensors in a file.
struct StateTable {
  /// The keys of the dicts around it.
  var keys: [String] = []
  var tensors: [StoredTensor] = []
  /// What was chosen and left out to find it.
  var notes: [CheckpointNote] = []
  /// Whether it is a list without names, in the order of the model's parameters.
  var isList = false
}

/// Averaged weights that are there in a form that is not read.
struct UnreadAverage {
  /// Where they are.
  var place: String
  /// What they are.
  var form: String
}
