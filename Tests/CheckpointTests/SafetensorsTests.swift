internal import Checkpoint
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct SafetensorsTests {
  @Test func readsItsOwnFiles() throws {
    let matrix = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    let tensors: [(name: String, tensor: Tensor)] = [
      ("flags", Tensor([true, false, true])), ("turned", matrix.transposed()),
      ("none", .zeros([0, 3])), ("number", Tensor(scalar: 2.5)),
    ]
    let metadata = ["classes": "a\n\"b\" \\ é", "empty": ""]
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      try CheckpointWriter.write(tensors, metadata: metadata, to: path)
      let checkpoint = try Checkpoint.open(path)
      #expect(checkpoint.format == .safetensors)
      #expect(checkpoint.metadata == metadata)
      #expect(checkpoint.entries.map(\.name) == ["number", "turned", "none", "flags"])
      #expect(checkpoint.entries.allSatisfy { $0.byteOffset % $0.dtype.byteCount == 0 })
      let state = checkpoint.stateDict
      #expect(state.count == 4)
      for (name, tensor) in tensors {
        let copy = try #require(state[name])
        #expect(copy.dtype == tensor.dtype && copy.shape == tensor.shape)
        #expect(copy.elements(Double.self) == tensor.elements(Double.self))
      }
    }
  }
}
