internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct InspectTests {
  private static let diffusers = golden("diffusers/diffusion_pytorch_model.safetensors")

  private static func report(_ arguments: [String]) throws -> [String: Any] {
    let result = try dit(["inspect", "--json"] + arguments)
    #expect(result.status == 0, "\(result.errors)")
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    return try #require(json as? [String: Any])
  }

  @Test func tellsAModelAndItsConfiguration() throws {
    let report = try InspectTests.report([InspectTests.diffusers])
    #expect(report["format"] as? String == "safetensors")
    #expect(report["kind"] as? String == "DiT")
    let config = try #require(report["config"] as? [String: Any])
    #expect(config["hidden_size"] as? Int == 32 && config["depth"] as? Int == 2)
    #expect(config["num_heads"] as? Int == 2 && config["learn_sigma"] as? Bool == true)
    #expect((report["tensors"] as? [Any])?.count == 44)
  }

  @Test func estimatesTheMemoryOfAModel() throws {
    let report = try InspectTests.report([InspectTests.diffusers])
    let memory = try #require(report["memory"] as? [String: Any])
    let sample = try #require(memory["sample_bytes"] as? [String: Int])
    let train = try #require(memory["train"] as? [String: [String: Int]])
    // 2 blocks of width 32 with linear layers of 96, 32, 128 and 32 outputs, 16 tokens, 2 rows.
    let blocks = 2 * (96 * 33 + 32 * 33 + 128 * 33 + 32 * 129)
    let rows = 2 * 16 * 32
    let count = 51_680  // numbers, without the copies of the embedders in the second block
    // Modulation in float32 of two classes in 250 steps: six vectors a block, two at the end.
    let modulation = 250 * 2 * 4 * (6 * 2 + 2) * 32
    // Tokens, what the layer takes and gives, and fc1's results before and after.
    let fp32 = 4 * count + modulation + rows * (4 + 4 + 4 * 4 + 4 * 4)
    let bf16 = fp32 - 2 * blocks - rows * (2 + 2 * 4 + 2 * 4)
    let int8 = fp32 - 3 * blocks - rows * 3 * 4
    #expect(sample == ["fp32": fp32, "bf16": bf16, "int8": int8])
    // Weights, gradients, moments and average; of each image what the two blocks keep.
    let kept = (8 + 2 * 4, 16 * 32)
    #expect(
      train == [
        "fp32": [
          "state_bytes": 20 * count, "bytes_per_image": 2 * kept.1 * (8 + 4 * kept.0),
          "bytes_per_image_recomputed": 2 * kept.1 * 4 + kept.1 * (8 + 4 * kept.0),
        ],
        "bf16": [
          "state_bytes": 22 * count, "bytes_per_image": 2 * kept.1 * (8 + 2 * kept.0),
          "bytes_per_image_recomputed": 2 * kept.1 * 4 + kept.1 * (8 + 2 * kept.0),
        ],
      ])
    let text = try dit(["inspect", InspectTests.diffusers]).output
    #expect(text.contains("memory to sample") && text.contains("memory to train"), "\(text)")
  }

  /// Files of a few bytes whose tensors have no elements, in sizes that no model can have.
  @Test(arguments: [
    [
      "x_embedder.proj.weight": [4, 1, 1 << 40, 0], "pos_embed": [1, 1, 4],
      "y_embedder.embedding_table.weight": [2, 4], "blocks.0.mlp.fc1.weight": [4, 4],
      "final_layer.linear.weight": [4, 4],
    ],
    [
      "x_embedder.proj.weight": [4, 1, 2, 2], "pos_embed": [1, .max, 0],
      "y_embedder.embedding_table.weight": [2, 4], "blocks.0.mlp.fc1.weight": [4, 4],
      "final_layer.linear.weight": [4, 4],
    ],
    [
      "x_embedder.proj.weight": [1 << 40, 1, 1, 0],
      "y_embedder.embedding_table.weight": [2, 0], "blocks.0.mlp.fc1.weight": [1 << 40, 0],
      "final_layer.linear.weight": [1, 0],
    ],
  ]) func readsSizesThatNoModelHas(_ shapes: [String: [Int]]) throws {
    try withTemporaryFolder { folder in
      var (entries, offset) = ([String](), 0)
      for (name, shape) in shapes {
        let end = offset + (shape.contains(0) ? 0 : 4 * shape.reduce(1, *))
        entries.append(
          "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[\(offset),\(end)]}")
        offset = end
      }
      let header = Data("{\(entries.joined(separator: ","))}".utf8)
      let count = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
      try (count + header + Data(count: offset))
        .write(to: URL(filePath: folder + "/model.safetensors"))
      let result = try dit(["inspect", "model.safetensors"], in: folder)
      #expect(result.status == 0 || result.status == 1, "\(result.errors)")
      let sample = try dit(
        ["sample", "--dit-checkpoint", "model.safetensors", "--image-size", "16"], in: folder)
      #expect(sample.status == 1, "\(sample.errors)")
      #expect(sample.errors.contains("'model.safetensors': not a DiT"), "\(sample.errors)")
    }
  }

  @Test func tellsAnAutoencoderATrainingAndAnythingElse() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/vae.pt"
      let weights = try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) }
      try CheckpointWriter.write(weights, as: .pytorch, to: path)
      let report = try InspectTests.report([path])
      #expect(report["kind"] as? String == "AutoencoderKL")
      #expect((report["config"] as? [String: Any])?["block_channels"] as? String == "32,64")
    }
    let training = try InspectTests.report([golden("checkpoints/training.pt")])
    #expect(training["kind"] as? String == "training checkpoint (other)")
    let other = try InspectTests.report([golden("checkpoints/ms-types.ckpt")])
    #expect(other["kind"] as? String == "other" && other["format"] as? String == "mindspore")
  }

  @Test func listsTensorsThatAreNotComputedIn() throws {
    let result = try dit(["inspect", golden("checkpoints/forms.pt")], in: ".")
    #expect(result.status == 0)
    for line in [
      "coo  [2, 3] sparse float32", "meta  [2, 3] meta float32", "tensor_scale  [2, 3] qint8",
      "complex32         1 tensors, 3 elements, 12 bytes", "big-endian float32 1 tensors,",
    ] { #expect(result.output.contains(line), "\(result.output)") }
  }

  @Test func readsAFileWithSeveralAverages() throws {
    try withTemporaryFolder { folder in
      let names = ["a", "b", "c"]
      try CheckpointWriter.write(
        ["model", "ema_a", "ema_b"].flatMap { set in
          names.map { ("\(set).\($0)", Tensor.full([2], 1)) }
        }, to: folder + "/file")
      let result = try dit(["inspect", "file"], in: folder)
      #expect(result.status == 0)
      #expect(result.output.contains("under 'ema_a', 'ema_b'"), "\(result.output)")
      #expect(try dit(["convert", "-s", "file", "-t", "x.pt"], in: folder).status == 1)
    }
  }

  @Test func countsNumbersThatAreNone() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      let values = Tensor([1, .nan, .infinity, -.infinity, 0] as [Float])
      let types: [DType] = [.float64, .float32, .bfloat16, .float16]
      try CheckpointWriter.write(
        types.map { ("types.\($0)", values.to($0)) } + [
          ("small", values.to(.float8e5m2)), ("whole", Tensor([1, 2] as [Int64])),
        ], as: .safetensors, to: path)
      let report = try InspectTests.report([path])
      #expect(report["nan"] as? Int == 5 && report["infinite"] as? Int == 10)
      #expect(report["parameters"] as? Int == 27)
      #expect((report["dtypes"] as? [Any])?.count == 6)
    }
  }

  @Test func showsThePartsOfAPipeline() throws {
    try withTemporaryFolder { folder in
      let weights = try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) }
      try CheckpointWriter.write(weights, as: .pytorch, to: folder + "/vae.pt")
      let convert = try dit(
        [
          "convert", "--source", InspectTests.diffusers, "--target", "pipe", "--format",
          "diffusers", "--vae-source", "vae.pt",
        ], in: folder)
      #expect(convert.status == 0, "\(convert.errors)")
      let report = try InspectTests.report([folder + "/pipe"])
      #expect(report["kind"] as? String == "pipeline")
      #expect((report["scheduler"] as? String)?.contains("DDIMScheduler") == true)
      let parts = try #require(report["parts"] as? [String: [String: Any]])
      #expect(
        parts.mapValues { $0["kind"] as? String } == ["transformer": "DiT", "vae": "AutoencoderKL"])
      let text = try dit(["inspect", "pipe"], in: folder).output
      #expect(text.contains("== transformer\n") && text.contains("== vae\n"), "\(text)")
      let part = try InspectTests.report([folder + "/pipe/vae"])
      #expect(part["kind"] as? String == "AutoencoderKL")
    }
  }

  @Test func takesTheSizeThatAFileWithoutPositionsNeeds() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.copyItem(
        atPath: InspectTests.diffusers, toPath: folder + "/model.safetensors")
      let other = try dit(["inspect", "model.safetensors"], in: folder)
      #expect(other.output.contains("kind              other"), "\(other.output)")
      #expect(other.output.contains("give --image-size"), "\(other.output)")
      let report = try InspectTests.report([folder + "/model.safetensors", "--image-size", "64"])
      #expect(report["kind"] as? String == "DiT")
    }
  }

  @Test func listsATensorOfATypeThatIsNotComputedIn() throws {
    try withTemporaryFolder { folder in
      let header = #"{"a.b":{"dtype":"C64","shape":[2],"data_offsets":[0,16]}}"#
      let bytes =
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
        + Data(header.utf8) + Data(count: 16)
      try bytes.write(to: URL(filePath: folder + "/file.safetensors"))
      let report = try InspectTests.report([folder + "/file.safetensors"])
      let tensors = try #require(report["tensors"] as? [[String: Any]])
      #expect(tensors.map { $0["dtype"] as? String } == ["C64"])
      let types = try #require(report["dtypes"] as? [[String: Any]])
      #expect(types.map { $0["bytes"] as? Int } == [16])
      let text = try dit(["inspect", "file.safetensors"], in: folder).output
      #expect(text.contains("a.b  [2] C64"), "\(text)")
    }
  }

  @Test func shortensListsOfBlocks() throws {
    try withTemporaryFolder { folder in
      let weight = Tensor.zeros([2])
      let names = (0..<5).map { "blocks.\($0).norm.weight" } + ["blocks.5.norm.bias"]
      let tensors = names.map { ($0, weight) } + [("head.weight", Tensor.zeros([3, 1]))]
      try CheckpointWriter.write(tensors, as: .pytorch, to: folder + "/file")
      let short = try dit(["inspect", "file"], in: folder)
      #expect(
        short.output.hasSuffix(
          """

          blocks
            0.norm.weight  [2] float32
            1 to 4  alike
            5.norm.bias  [2] float32
          head.weight  [3, 1] float32

          """), "\(short.output)")
      let long = try dit(["inspect", "--all", "file"], in: folder)
      #expect(long.output.contains("  3.norm.weight  [2] float32\n"))
    }
  }

  @Test func refusesWhatIsNoCheckpoint() throws {
    let result = try dit(["inspect", golden("checkpoints/pytorch.json")])
    #expect(result.status == 1)
    #expect(result.errors.contains("unknown format"), "\(result.errors)")
    #expect(try dit(["inspect", "none.pt"]).errors.contains("no such file"))
  }
}
