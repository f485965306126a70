internal import Checkpoint
internal import Foundation
internal import Testing

/// What a checkpoint in memory holds.
struct OpenedBytes {
  let entries: [Checkpoint.Entry]
  let foreign: [ForeignTensor]
  let metadata: [String: String]
  let notes: [CheckpointNote]
}

/// Opens bytes as a checkpoint; gives its table, metadata and notes.
@discardableResult
func open(_ bytes: [UInt8]) throws -> OpenedBytes {
  try bytes.withUnsafeBytes {
    let checkpoint = try Checkpoint.embedded(bytes: $0, name: "test.pt")
    return OpenedBytes(
      entries: checkpoint.entries, foreign: checkpoint.foreignTensors,
      metadata: checkpoint.metadata, notes: checkpoint.notes)
  }
}

/// The content of a file.
func content(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(filePath: path)))
}

/// Expects that opening fails for a reason, with words in its message.
func expectFailure(
  _ reason: CheckpointError.Reason, _ words: String..., opening bytes: [UInt8],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let error = #expect(throws: CheckpointError.self, sourceLocation: sourceLocation) {
    try open(bytes)
  }
  guard let error else { return }
  #expect(error.reason == reason, "\(error)", sourceLocation: sourceLocation)
  for word in words + ["'test.pt'"] {
    #expect(error.message.contains(word), "\(error)", sourceLocation: sourceLocation)
  }
}
