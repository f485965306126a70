internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// Files that PyTorch wrote, against PyTorch's own list of their content.
@Suite struct PyTorchFileTests {
  struct Expected: Decodable {
    struct Tensor: Decodable {
      let name: String
      let dtype: String
      let shape: [Int]
      let strides: [Int]
      let elements: [Double]
    }
    let tensors: [Tensor]
    let metadata: [String: String]
    let notes: [String]
  }

  private static func expected(_ file: String) throws -> Expected {
    let data = try Data(contentsOf: URL(filePath: golden("checkpoints/pytorch.json")))
    return try #require(try JSONDecoder().decode([String: Expected].self, from: data)[file])
  }

  @Test(arguments: [
    "types2", "types4", "types5", "layouts", "training", "nested2", "nested4", "parameters",
    "legacy", "legacy3", "legacy4", "legacy5", "unchecked", "numpy2", "numpy3", "numpy5",
    "numpy-legacy", "numpy-bare2", "numpy-bare4", "numpy-bare5",
  ])
  func readsPyTorchFiles(file: String) throws {
    let expected = try PyTorchFileTests.expected(file)
    let checkpoint = try Checkpoint.open(golden("checkpoints/\(file).pt"))
    #expect(checkpoint.format == .pytorch)
    #expect(checkpoint.entries.map(\.name) == expected.tensors.map(\.name))
    #expect(checkpoint.metadata == expected.metadata)
    #expect(checkpoint.notes.map(\.description) == expected.notes)
    for (entry, facts) in zip(checkpoint.entries, expected.tensors) {
      #expect(entry.dtype.description.hasPrefix(facts.dtype.replacing("_e4m3fn", with: "_e4m3")))
      #expect(entry.shape == facts.shape)
      #expect(entry.elementCount == 0 || entry.strides == facts.strides)
      let tensor = try #require(checkpoint.tensor(entry.name))
      #expect(tensor.shape == facts.shape)
      #expect(tensor.elements(Double.self) == facts.elements, "\(entry.name)")
    }
  }

  @Test func listsTensorsThatItDoesNotComputeIn() throws {
    let checkpoint = try Checkpoint.open(golden("checkpoints/forms.pt"))
    #expect(checkpoint.entries.map(\.name) == ["plain"])
    let expected: [(String, String, [Int], Int?)] = [
      ("coo", "sparse float32", [2, 3], 60), ("csr", "sparse float32", [2, 3], 60),
      ("csc", "sparse float32", [2, 3], 68), ("bsr", "sparse float32", [4, 4], 120),
      ("tensor_scale", "qint8", [2, 3], 6), ("channel_scale", "quint8", [2, 3], 6),
      ("four_bits", "quint4x2", [2, 3], nil), ("meta", "meta float32", [2, 3], 0),
      ("meta_parameter", "meta float32", [2], 0), ("nested", "nested float32", [5], 68),
      ("complex32", "complex32", [3], 12), ("uint16", "uint16", [3], 6),
      ("uint64", "uint64", [3], 24), ("big", "big-endian float32", [3], 12),
      ("wide", "uint32", [3], 12),
    ]
    #expect(checkpoint.foreignTensors.map(\.name) == expected.map(\.0))
    for (tensor, facts) in zip(checkpoint.foreignTensors, expected) {
      #expect(tensor.type == facts.1 && tensor.shape == facts.2, "\(tensor)")
      #expect(facts.3 == nil || tensor.byteCount == facts.3, "\(tensor)")
    }
    #expect(
      checkpoint.notes.contains(.leftOutValues(["texts", "objects", "records", "date"])),
      "\(checkpoint.notes)")
  }

  @Test func sharesTheBytesOfASharedStorage() throws {
    let checkpoint = try Checkpoint.open(golden("checkpoints/layouts.pt"))
    let entries = Dictionary(uniqueKeysWithValues: checkpoint.entries.map { ($0.name, $0) })
    let base = try #require(entries["base"])
    #expect(entries["turned"]?.byteOffset == base.byteOffset)
    #expect(entries["block"]?.byteOffset == base.byteOffset + 8 * 4)
    #expect(entries["block"]?.byteCount == 9 * 4)
    #expect(entries["expanded"]?.byteCount == 3 * 4)
    #expect(entries["hollow"]?.byteCount == 0)
  }

  @Test func refusesAWholeModelAndAsksForItsStateDict() throws {
    let error = try #require(
      #expect(throws: CheckpointError.self) {
        try Checkpoint.open(golden("checkpoints/module.pt"))
      })
    #expect(error.reason == .refused)
    #expect(error.message.contains("torch.nn.modules.linear.Linear"))
    #expect(error.message.contains("model.state_dict()"))
  }
}
