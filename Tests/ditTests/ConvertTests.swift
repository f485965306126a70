internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct ConvertTests {
  /// Writes the golden DiT in the published names.
  private static func writeModel(to path: String, as format: CheckpointFormat) throws {
    let values = try GoldenValues("dit-even")
    let weights = values.weights
    try CheckpointWriter.write(
      try values.config.order.compactMap { name in weights[name].map { (name, $0) } }, as: format,
      metadata: ["class_names": "[\"a\",\"b\"]", "num_heads": "2"], to: path)
  }

  private static func expectModel(
    _ path: String, as format: CheckpointFormat, dtype: DType = .float32,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let values = try GoldenValues("dit-even")
    let file = try Checkpoint.open(path)
    #expect(file.format == format, sourceLocation: sourceLocation)
    let order = try values.config.order
    #expect(file.entries.map(\.name) == order, sourceLocation: sourceLocation)
    for (name, tensor) in values.weights {
      let copy = try #require(file.tensor(name))
      let expected = tensor.to(dtype).elements(Float.self)
      #expect(copy.dtype == dtype, sourceLocation: sourceLocation)
      #expect(copy.elements(Float.self) == expected, "\(name)", sourceLocation: sourceLocation)
    }
  }

  @Test func refusesAnImageSizeThatIsNotTheFiles() throws {
    try withTemporaryFolder { folder in
      try ConvertTests.writeModel(to: folder + "/one.pt", as: .pytorch)
      let size = 64
      let convert = ["convert", "-s", "one.pt", "-t", "two.safetensors", "--image-size"]
      for command in [convert, ["inspect", "one.pt", "--image-size"]] {
        let result = try dit(command + ["\(2 * size)"], in: folder)
        #expect(result.status == 64, "\(result.errors)")
        #expect(result.errors.contains("\(size) x \(size) pixels"), "\(result.errors)")
      }
      #expect(!Folder.hasFile(folder + "/two.safetensors"))
      #expect(try dit(convert + ["\(size)"], in: folder).status == 0)
    }
  }

  @Test func convertsFromFormatToFormatByTheSuffix() throws {
    try withTemporaryFolder { folder in
      try ConvertTests.writeModel(to: folder + "/one.bin", as: .safetensors)
      let steps: [(String, String, CheckpointFormat)] = [
        ("one.bin", "two.pt", .pytorch), ("two.pt", "three.ckpt", .mindspore),
        ("three.ckpt", "new/four.safetensors", .safetensors),
        ("new/four.safetensors", "five.pth", .pytorch),
      ]
      for (source, target, format) in steps {
        let result = try dit(["convert", "--source", source, "--target", target], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output == target + "\n")
        try ConvertTests.expectModel(folder + "/" + target, as: format)
        let metadata = try Checkpoint.open(folder + "/" + target).metadata
        #expect(metadata == ["class_names": "[\"a\",\"b\"]", "num_heads": "2"])
      }
    }
  }

  @Test(arguments: [("fp32", DType.float32), ("bf16", .bfloat16), ("float16", .float16)])
  func convertsElements(_ name: String, _ dtype: DType) throws {
    try withTemporaryFolder { folder in
      try ConvertTests.writeModel(to: folder + "/in.ckpt", as: .mindspore)
      let result = try dit(
        ["convert", "-s", "in.ckpt", "-t", "out.pt", "--dtype", name], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      try ConvertTests.expectModel(folder + "/out.pt", as: .pytorch, dtype: dtype)
    }
  }

  @Test func bringsADiffusersFolderToThePublishedNames() throws {
    try withTemporaryFolder { folder in
      let source = golden("diffusers/diffusion_pytorch_model.safetensors")
      let result = try dit(["convert", "--source", source, "--target", "out/"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "out/diffusion_pytorch_model.safetensors\n")
      let file = try Checkpoint.open(folder + "/out/diffusion_pytorch_model.safetensors")
      let values = try GoldenValues("dit-even")
      #expect(Set(file.entries.map(\.name)) == Set(try values.config.order))
      #expect(file.metadata == ["num_heads": "2"])
    }
  }

  @Test func bringsAutoencodersToDiffusersNames() throws {
    let weights = try GoldenValues("autoencoder-kl").weights
    try withTemporaryFolder { folder in
      let foreign = weights.map { name, tensor in
        let isNorm = name.contains("norm")
        let known = isNorm ? name.replacing("weight", with: "gamma") : name
        return (isNorm ? known.replacing("bias", with: "beta") : known, tensor)
      }
      try CheckpointWriter.write(foreign, as: .mindspore, to: folder + "/vae.ckpt")
      let arguments = ["convert", "--source", "vae.ckpt", "--target", "vae.safetensors"]
      let wrong = try dit(arguments + ["--kind", "dit"], in: folder)
      #expect(wrong.status == 1 && wrong.errors.contains("not a DiT"))
      let result = try dit(arguments + ["--kind", "vae"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      let state = try Checkpoint.open(folder + "/vae.safetensors").stateDict
      #expect(Set(state.keys) == Set(weights.keys))
    }
  }

  @Test(arguments: [([], "gamma"), (["--norm-names", "weight"], "weight")])
  func givesMindSporeAutoencodersTheNamesOfMindONE(_ more: [String], _ norm: String) throws {
    let weights = try GoldenValues("autoencoder-kl").weights
    try withTemporaryFolder { folder in
      try CheckpointWriter.write(
        weights.map { ($0.key, $0.value) }, as: .safetensors, to: folder + "/vae.safetensors")
      let result = try dit(
        ["convert", "-s", "vae.safetensors", "-t", "vae.ckpt"] + more, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      let state = try Checkpoint.open(folder + "/vae.ckpt").stateDict
      #expect(state["decoder.norm_out.\(norm)"] != nil, "\(state.keys.sorted())")
      #expect(state["decoder.mid.attn_1.q.weight"]?.shape == [64, 64, 1, 1])
      let back = try dit(["convert", "-s", "vae.ckpt", "-t", "back.pt"], in: folder)
      #expect(back.status == 0, "\(back.errors)")
      let copy = try Checkpoint.open(folder + "/back.pt").stateDict
      #expect(Set(copy.keys) == Set(weights.keys))
      for (name, tensor) in weights {
        #expect(relativeError(try #require(copy[name]), tensor) == 0, "\(name)")
      }
    }
  }

  @Test(arguments: [
    ("vae", ["-t", "vae.pt"]), ("vae", ["-t", "folder/", "--format", "diffusers"]),
    ("dit", ["-t", "dit.ckpt"]),
  ]) func refusesNamesOfNormsThatMeanNothing(_ source: String, _ more: [String]) throws {
    try withTemporaryFolder { folder in
      let weights = try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) }
      try CheckpointWriter.write(weights, as: .safetensors, to: folder + "/vae.safetensors")
      try ConvertTests.writeModel(to: folder + "/dit.safetensors", as: .safetensors)
      let arguments = ["convert", "-s", source + ".safetensors", "--norm-names", "weight"]
      let result = try dit(arguments + more, in: folder)
      #expect(result.status == 64, "\(result.errors)")
      #expect(result.errors.contains("--norm-names is for an AutoencoderKL"), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/" + more[1]))
    }
  }

  @Test func neverOverwritesUnaskedNorTheSource() throws {
    try withTemporaryFolder { folder in
      try ConvertTests.writeModel(to: folder + "/in.pt", as: .pytorch)
      let arguments = ["convert", "--source", "in.pt", "--target", "out.safetensors"]
      #expect(try dit(arguments, in: folder).status == 0)
      let second = try dit(arguments, in: folder)
      #expect(second.status == 64)
      #expect(second.errors.contains("'out.safetensors' would be overwritten"))
      #expect(try dit(arguments + ["--force"], in: folder).status == 0)
      let same = try dit(
        ["convert", "--source", "in.pt", "--target", "./in.pt", "--force"], in: folder)
      #expect(same.status == 64 && same.errors.contains("is the source itself"))
    }
  }

  @Test(arguments: [
    (["--target", "out.onnx"], 64, "must be .safetensors, .pt, .pth, .bin or .ckpt"),
    (["--target", "out.pt", "--dtype", "int8"], 64, "int8"),
    (["--target", "out.pt", "--kind", "vae"], 1, "is no autoencoder"),
    (["--target", "out.pt", "--ema"], 1, "leave out --ema"),
    (["--target", "out.pt", "--ema", "--no-ema"], 64, "contradicts"),
    (["--target", "out.pt", "--num-heads", "3"], 1, "heads, as the file says, not 3"),
    (["--target", "in.pt/out.pt"], 1, "in.pt"),
    ([], 64, "--target"),
  ]) func explainsWhatCannotBe(_ arguments: [String], _ status: Int, _ hint: String) throws {
    try withTemporaryFolder { folder in
      try ConvertTests.writeModel(to: folder + "/in.pt", as: .pytorch)
      let result = try dit(["convert", "--source", "in.pt"] + arguments, in: folder)
      #expect(result.status == status, "\(result.errors)")
      #expect(result.errors.contains(hint), "\(result.errors)")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(names == ["in.pt"])
    }
  }

  @Test func refusesNumbersThatHalfPrecisionCannotHold() throws {
    try withTemporaryFolder { folder in
      var weights = try GoldenValues("dit-even").weights
      weights["blocks.0.attn.proj.bias"] = .full([32], 70_000)
      try CheckpointWriter.write(
        weights.map { ($0.key, $0.value) }, as: .safetensors, to: folder + "/in.safetensors")
      let arguments = ["convert", "-s", "in.safetensors", "-t", "out.pt", "--num-heads", "2"]
      let result = try dit(arguments + ["--dtype", "fp16"], in: folder)
      #expect(result.status == 1)
      #expect(result.errors.contains("blocks.0.attn.proj.bias"), "\(result.errors)")
      #expect(try dit(arguments + ["--dtype", "bf16"], in: folder).status == 0)
    }
  }

  @Test func samplesTheSameFromAConvertedFile() throws {
    try withTemporaryFolder { folder in
      for name in ["emoji.safetensors", "emoji-vae.safetensors"] {
        try EmbeddedModelFile.copy(name, to: folder)
      }
      let convert = try dit(
        ["convert", "-s", "emoji.safetensors", "-t", "emoji.ckpt"], in: folder)
      #expect(convert.status == 0, "\(convert.errors)")
      func latents(_ name: String, _ more: [String]) throws -> Tensor {
        let result = try dit(
          [
            "sample", "--class-labels", "3", "--sampling-steps", "2", "--precision", "fp32",
            "--output-path", name, "--save-latents", name + ".safetensors",
          ] + more, in: folder)
        #expect(result.status == 0, "\(result.errors)")
        return try #require(try Checkpoint.open(folder + "/\(name).safetensors").tensor("latents"))
      }
      let built = try latents("built", [])
      let converted = try latents(
        "converted",
        ["--dit-checkpoint", "emoji.ckpt", "--vae-checkpoint", "emoji-vae.safetensors"])
      #expect(relativeError(converted, built) == 0)
    }
  }
}

/// The models that are built into the program, as files.
private enum EmbeddedModelFile {
  static func copy(_ name: String, to folder: String) throws {
    let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Models/" + name)
    try FileManager.default.copyItem(at: source, to: URL(filePath: folder + "/" + name))
  }
}
