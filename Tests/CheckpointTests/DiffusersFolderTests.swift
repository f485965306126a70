internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// Folders as diffusers writes them, with one file of weights or several.
@Suite struct DiffusersFolderTests {
  private static let first = "diffusion_pytorch_model-00001-of-00002.safetensors"
  private static let second = "diffusion_pytorch_model-00002-of-00002.safetensors"
  private static let list = "diffusion_pytorch_model.safetensors.index.json"

  private static var tensors: [(name: String, tensor: Tensor)] {
    [("a", .range(6).reshaped([2, 3])), ("b", .range(4) + 10), ("c", .full([1], 7))]
  }

  /// Writes the three tensors in files of at most 24 bytes: "a", then "b" and "c".
  private static func write(to folder: String) throws {
    _ = try CheckpointWriter.writeShards(tensors, shardByteCount: 24, to: folder)
  }

  @Test func splitsAndJoinsLargeModels() throws {
    try withTemporaryFolder { folder in
      try DiffusersFolderTests.write(to: folder)
      #expect(
        try Folder.names(in: folder) == [
          DiffusersFolderTests.first, DiffusersFolderTests.second, DiffusersFolderTests.list,
        ])
      for path in [folder, folder + "/" + DiffusersFolderTests.list] {
        let state = try Checkpoint.open(path).stateDict
        #expect(state.count == 3)
        for (name, tensor) in DiffusersFolderTests.tensors {
          #expect(relativeError(try #require(state[name]), tensor) == 0)
        }
      }
    }
  }

  @Test func writesOneFileIfItIsSmallEnough() throws {
    try withTemporaryFolder { folder in
      let shards = try CheckpointWriter.writeShards(
        DiffusersFolderTests.tensors, floatType: .float16, shardByteCount: 22, to: folder)
      #expect(try Folder.names(in: folder) == ["diffusion_pytorch_model.safetensors"])
      #expect(shards.flatMap(\.records).map(\.dtype) == [.float16, .float16, .float16])
    }
  }

  @Test func refusesFilesThatContradictTheList() throws {
    try withTemporaryFolder { folder in
      try DiffusersFolderTests.write(to: folder)
      let path = folder + "/" + DiffusersFolderTests.list
      let text = String(decoding: try content(of: path), as: UTF8.self)
      let changes: [(String, String, CheckpointError.Reason, String)] = [
        ("\"a\"", "\"x\"", .damaged, "tensor 'x'"),
        (DiffusersFolderTests.first, "../a.safetensors", .refused, "not in its folder"),
        (DiffusersFolderTests.first, "..", .refused, "not in its folder"),
        (DiffusersFolderTests.first, "/etc/passwd", .refused, "not in its folder"),
        ("weight_map", "weights", .damaged, "weight_map"),
        ("\"a\": \"\(DiffusersFolderTests.first)\"", "\"a\": 1", .damaged, "weight_map"),
      ]
      for (old, new, reason, hint) in changes {
        #expect(text.contains(old))
        try AtomicFile.write(text.replacing(old, with: new), to: path)
        let error = try #require(
          #expect(throws: CheckpointError.self) { try Checkpoint.open(folder) })
        #expect(error.reason == reason && error.message.contains(hint), "\(error)")
      }
      try AtomicFile.write(text, to: path)
      try CheckpointWriter.write(
        [("c", .full([1], 1))], as: .safetensors, to: folder + "/" + DiffusersFolderTests.first)
      let twice = try #require(
        #expect(throws: CheckpointError.self) { try Checkpoint.open(folder) })
      #expect(twice.message.contains("two tensors have the name 'c'"))
      try Folder.remove(folder + "/" + DiffusersFolderTests.first)
      #expect(throws: FileError.self) { try Checkpoint.open(folder) }
    }
  }

  @Test func takesTheAverageInAFolderOfItsOwn() throws {
    try withTemporaryFolder { folder in
      for (part, value) in [("transformer", 1.0), ("transformer_ema", 2)] {
        try Folder.make(folder + "/" + part)
        _ = try CheckpointWriter.writeShards(
          [("a", .full([1], value))], shardByteCount: 100, to: folder + "/" + part)
      }
      for (weights, value) in [(WeightSet.automatic, Float(2)), (.averaged, 2), (.last, 1)] {
        let checkpoint = try Checkpoint.open(folder, weights: weights)
        #expect(try #require(checkpoint.tensor("a")).elements(Float.self) == [value])
        #expect(checkpoint.notes.isEmpty == (weights == .last))
      }
      let last = try Checkpoint.open(folder + "/transformer")
      #expect(try #require(last.tensor("a")).elements(Float.self) == [1])
    }
  }

  @Test func takesThePartOfAPipelineThatIsAskedFor() throws {
    try withTemporaryFolder { folder in
      for part in ["transformer", "vae"] {
        try Folder.make("\(folder)/\(part)")
        try CheckpointWriter.write(
          [(part, .full([1], 1))], as: .pytorch,
          to: "\(folder)/\(part)/diffusion_pytorch_model.bin")
      }
      try AtomicFile.write(
        #"{"id2label": {"1": "dog, hound", "0": "cat"}}"#, to: folder + "/model_index.json")
      try AtomicFile.write(#"{"scaling_factor": 0.5}"#, to: folder + "/vae/config.json")
      #expect(PipelinePart.vae.isPresent(in: folder))
      #expect(!PipelinePart.vae.isPresent(in: folder + "/vae"))
      for path in [folder, folder + "/transformer"] {
        let dit = try Checkpoint.open(path)
        #expect(dit.entries.map(\.name) == ["transformer"])
        #expect(ClassNameList.decode(dit.metadata) == ["cat", "dog, hound"])
      }
      let vae = try Checkpoint.open(folder, part: .vae)
      #expect(vae.entries.map(\.name) == ["vae"])
      #expect(vae.metadata == ["scaling_factor": "0.5"])
      try AtomicFile.write(
        #"{"id2label": {"1": "dog", "7": "cat"}}"#, to: folder + "/model_index.json")
      let incomplete = try Checkpoint.open(folder)
      #expect(incomplete.metadata.isEmpty)
      #expect(incomplete.notes.description.contains("not class 0"), "\(incomplete.notes)")
      let twice = #"{"id2label": {"0": "dog", "0": "cat"}}"#
      for text in ["", "{", #"{"id2label": [1]}"#, twice] {
        try AtomicFile.write(text, to: folder + "/model_index.json")
        let error = try #require(
          #expect(throws: CheckpointError.self) { try Checkpoint.open(folder) })
        #expect(error.message.contains("/model_index.json'"), "\(error)")
      }
    }
  }

  /// The class names are the transformer's alone, by the name of its folder.
  @Test(arguments: [
    ("transformer", true), ("transformer/", true), ("transformer/../transformer/.", true),
    ("my-transformer", false), ("transformer2", false), ("vae", false),
  ]) func tellsATransformerByItsFolder(_ name: String, isTransformer: Bool) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/\(name)"
      try Folder.make("\(folder)/transformer")
      try Folder.make(path)
      try Folder.make(folder + "/scheduler")
      try CheckpointWriter.write(
        [("a", .full([1], 1))], as: .safetensors,
        to: path + "/diffusion_pytorch_model.safetensors")
      try AtomicFile.write(#"{"id2label": {"0": "cat"}}"#, to: folder + "/model_index.json")
      try AtomicFile.write("{}", to: folder + "/scheduler/scheduler_config.json")
      let checkpoint = try Checkpoint.open(path + "/diffusion_pytorch_model.safetensors")
      #expect((checkpoint.metadata["class_names"] != nil) == isTransformer)
      #expect((checkpoint.schedulerPath != nil) == isTransformer)
    }
  }

  @Test func saysThatAFolderHasNoWeights() throws {
    try withTemporaryFolder { folder in
      let error = try #require(#expect(throws: FileError.self) { try Checkpoint.open(folder) })
      #expect(error.reason == .isFolder)
    }
  }
}
