internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// Files that MindSpore wrote, against MindSpore's own list of their content.
@Suite struct MindSporeFileTests {
  private static func expected(_ file: String) throws -> PyTorchFileTests.Expected {
    let data = try Data(contentsOf: URL(filePath: golden("checkpoints/mindspore.json")))
    let files = try JSONDecoder().decode([String: PyTorchFileTests.Expected].self, from: data)
    return try #require(files[file])
  }

  @Test(arguments: ["ms-types", "ms-wrapped", "ms-checked", "ms-sliced", "ms-texts"])
  func readsMindSporeFiles(file: String) throws {
    let expected = try MindSporeFileTests.expected(file)
    let checkpoint = try Checkpoint.open(golden("checkpoints/\(file).ckpt"))
    #expect(checkpoint.format == .mindspore)
    #expect(checkpoint.entries.map(\.name) == expected.tensors.map(\.name))
    #expect(checkpoint.metadata == expected.metadata)
    #expect(checkpoint.notes.map(\.description) == expected.notes)
    for (entry, facts) in zip(checkpoint.entries, expected.tensors) {
      #expect(entry.dtype.description == facts.dtype)
      #expect(entry.shape == facts.shape && entry.strides == facts.strides)
      let tensor = try #require(checkpoint.tensor(entry.name))
      #expect(tensor.shape == facts.shape)
      #expect(tensor.elements(Double.self) == facts.elements, "\(entry.name)")
    }
  }

  @Test func joinsTheRunsOfALongTensor() throws {
    let checkpoint = try Checkpoint.open(golden("checkpoints/ms-sliced.ckpt"))
    #expect(checkpoint.entries.map(\.continuation.count) == [0, 2, 0])
  }

  @Test func noticesEveryFlippedBitUnderAChecksum() throws {
    var bytes = try content(of: golden("checkpoints/ms-checked.ckpt"))
    // The first bytes, up to the first name, tell the format.
    for bit in 8 * 27..<8 * (bytes.count - 17) {
      bytes[bit / 8] ^= 1 << (bit % 8)
      defer { bytes[bit / 8] ^= 1 << (bit % 8) }
      expectFailure(.damaged, "checksum", opening: bytes)
    }
  }
}
