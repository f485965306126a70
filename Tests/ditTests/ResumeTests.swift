internal import Checkpoint
internal import Files
internal import Foundation
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// What a run knows when it is resumed, and what is found out before its first step.
@Suite struct ResumeTests {
  /// Trains the tiny model and expects success.
  @discardableResult
  private func train(_ arguments: [String], in folder: String) throws -> ProgramResult {
    let result = try dit(
      ["train", "--data-path", "images"] + tinyModel + arguments, in: folder)
    #expect(result.status == 0, "\(result.errors)")
    return result
  }

  private func expectSame(_ path: String, _ other: String) throws {
    for file in ["model", "ema", "optimizer"] {
      let (ours, theirs) = try (
        weights("\(path)/\(file).safetensors"), weights("\(other)/\(file).safetensors")
      )
      #expect(Set(ours.keys) == Set(theirs.keys) && !ours.isEmpty)
      for (name, tensor) in ours {
        #expect(try relativeError(tensor, #require(theirs[name])) == 0, "\(name)")
      }
    }
  }

  @Test func knowsItsOptions() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let options = ["--seed", "5", "--label-dropout", "0.5", "--ema-decay", "0.9"]
      try train(options + ["--max-steps", "6", "--output-path", "whole"], in: folder)
      try train(options + ["--max-steps", "2", "--output-path", "run"], in: folder)
      for (arguments, step) in [
        (["--output-path", "run", "--resume"], 4), (["--resume", "run"], 5),
        (["--resume=run/checkpoints/latest", "--output-path=run/"], 6),
      ] {
        let more = try dit(["train", "--max-steps", "\(step)"] + arguments, in: folder)
        #expect(more.status == 0, "\(more.errors)")
        #expect(more.errors.contains("options that are not given are those of 'run"))
        #expect(more.output == "run\(step == 6 ? "/" : "")/checkpoints/latest\n")
      }
      try expectSame(folder + "/run/checkpoints/latest", folder + "/whole/checkpoints/latest")
    }
  }

  @Test func letsFlagsAndFilesWin() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      // A run that was moved: its old place stands in the file.
      try FileManager.default.moveItem(atPath: folder + "/run", toPath: folder + "/moved")
      let moved = try dit(
        ["train", "--output-path", "moved", "--resume", "--epochs", "1"], in: folder)
      #expect(moved.status == 0 && moved.output == "moved/checkpoints/latest\n", "\(moved.errors)")
      #expect(moved.errors.contains("4 a step, 2 steps"), "\(moved.errors)")
      // A file of the user's stands alone.
      try AtomicFile.write("seed: 3407\n", to: folder + "/own.yaml")
      let own = try dit(
        ["train", "-c", "own.yaml", "--output-path", "moved", "--resume"], in: folder)
      #expect(own.status == 64 && own.errors.contains("give --data-path"), "\(own.errors)")
      // Nor does a new run read it.
      let new = try dit(["train", "--output-path", "moved"], in: folder)
      #expect(new.status == 64 && new.errors.contains("give --data-path"))
    }
  }

  @Test func saysWhichDataAreMissingFirst() throws {
    for arguments in [[], ["--vae-checkpoint", "nowhere"], ["--vae-checkpoint", "none"]] {
      let result = try dit(["train", "--data-path", "nope"] + arguments)
      #expect(result.status == 1)
      #expect(result.errors.contains("cannot read images from 'nope': no such folder"))
    }
  }

  @Test func takesTheAverageOrTheLastWeights() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let steps = ["--max-steps", "4", "--start-learning-rate", "1e-2"]
      let first = try train(steps + ["--output-path", "run"], in: folder)
      #expect(first.errors.contains("warms up, as the run is short for a decay of 0.9999"))
      let published = try train(
        steps + ["--output-path", "published", "--ema-warmup", "false"], in: folder)
      #expect(!published.errors.contains("warms up"))
      try train(steps + ["--output-path", "none", "--use-ema", "false"], in: folder)

      func latents(_ options: String..., run: String = "run") throws -> [Float] {
        let file = folder + "/" + ([run] + options).joined() + ".safetensors"
        let result = try dit(
          [
            "sample", "--dit-checkpoint", run, "--vae-checkpoint", "none", "--sampling-steps", "2",
            "--save-latents", file, "--force", "--output-path", "out", "--precision", "fp32",
          ] + options, in: folder)
        #expect(result.status == 0, "\(result.errors)")
        let isYoung = run == "published" && options != ["--no-ema"]
        #expect(result.errors.contains("99 % the weights from before its first step") == isYoung)
        return try #require(try weights(file)["latents"]).elements(Float.self)
      }
      let last = try latents(run: "none")
      #expect(try latents("--no-ema") == last)
      let record = try String(contentsOfFile: folder + "/out/sample.json", encoding: .utf8)
      #expect(record.contains("\"no_ema\" : true"))
      #expect(try latents() != last)
      #expect(try latents("--no-ema", "false") == latents())
      #expect(try latents("--no-ema", run: "published") == last)
      #expect(try latents(run: "published") != latents())

      let missing = try dit(
        [
          "sample", "--dit-checkpoint", "none", "--vae-checkpoint", "none", "--no-ema=false",
        ], in: folder)
      #expect(missing.status == 1 && missing.errors.contains("no EMA"), "\(missing.errors)")
      let builtIn = try dit(["sample", "--no-ema"], in: folder)
      #expect(builtIn.status == 64, "\(builtIn.errors)")

      // convert knows the two files of a run too.
      for (option, file) in [("--no-ema", "model"), ("--ema", "ema")] {
        let result = try dit(
          ["convert", "--source", "run", option, "--target", "\(file).pt"], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        let name = "blocks.0.attn.qkv.weight"
        let expected = try weights(folder + "/run/checkpoints/latest/\(file).safetensors")[name]
        let found = try weights(folder + "/\(file).pt")[name]
        #expect(try relativeError(#require(found), #require(expected)) == 0)
      }
    }
  }

  /// The squared error of the first step tells which weights it began with.
  @Test func finetunesFromTheWeightsThatAreMeant() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let steps = ["--max-steps", "3", "--start-learning-rate", "1e-2"]
      try train(steps + ["--output-path", "warm"], in: folder)
      try train(steps + ["--output-path", "cold", "--ema-warmup", "false"], in: folder)
      func loss(_ run: String, _ options: String...) throws -> (loss: Double, notes: String) {
        let name = "from-" + ([run] + options).joined().replacing("/", with: "-")
        let result = try train(
          ["--dit-checkpoint", run, "--max-steps", "1", "--output-path", name] + options, in: folder
        )
        let line = try Data(contentsOf: URL(filePath: folder + "/\(name)/metrics.jsonl"))
        let fields = try JSONSerialization.jsonObject(with: line) as? [String: Any]
        return (try #require(fields?["loss"] as? Double), result.errors)
      }
      let last = try loss("warm/checkpoints/step-000003/model.safetensors").loss
      #expect(try loss("warm", "--no-ema").loss == last)
      #expect(try loss("warm").loss != last)
      let cold = try loss("cold")
      #expect(cold.loss == last)
      #expect(
        cold.notes.contains("starts from 'cold/checkpoints/latest/model.safetensors': the EMA"))
      #expect(try loss("cold", "--no-ema=false").loss != last)
    }
  }

  /// One number of a file of weights becomes NaN.
  private func spoil(_ path: String, _ name: String) throws {
    var tensors = try weights(path).map { ($0.key, $0.value.cloned) }.sorted { $0.0 < $1.0 }
    let index = try #require(tensors.firstIndex { $0.0 == name })
    var values = tensors[index].1.flattened().elements(Float.self)
    values[0] = .nan
    tensors[index].1 = Tensor(values, shape: tensors[index].1.shape)
    let metadata = try Checkpoint.openModel(path).metadata
    try CheckpointWriter.write(
      tensors.map { (name: $0.0, tensor: $0.1) }, metadata: metadata, to: path)
  }

  @Test func saysWhichWeightsAreNoNumbers() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try train(
        ["--max-steps", "2", "--ckpt-save-interval", "2", "--output-path", "run"], in: folder)
      let last = folder + "/run/checkpoints/step-000002"
      try FileManager.default.copyItem(atPath: last + "/ema.safetensors", toPath: folder + "/x.st")
      try spoil(folder + "/x.st", "blocks.1.mlp.fc1.weight")
      let start = try dit(
        ["train", "--data-path", "images", "--dit-checkpoint", "x.st"] + tinyModel
          + ["--max-steps", "1", "--output-path", "second"], in: folder)
      #expect(start.status == 1)
      #expect(
        start.errors.contains(
          "'x.st': 1 of the numbers of 'blocks.1.mlp.fc1.weight' are NaN or infinite"),
        "\(start.errors)")
      #expect(!start.errors.contains("learning-rate"))
      #expect(!Folder.exists(folder + "/second"))
      // A checkpoint of an earlier version, which has no checksums.
      let record = try String(contentsOfFile: last + "/state.json", encoding: .utf8)
      try AtomicFile.write(
        record.replacing("\"checksums\"", with: "\"former\""), to: last + "/state.json")
      for (file, name) in [
        ("model", "final_layer.linear.bias"), ("ema", "x_embedder.proj.weight"),
        ("optimizer", "exp_avg_sq.blocks.0.attn.qkv.bias"),
      ] {
        let path = "\(last)/\(file).safetensors"
        let good = try Data(contentsOf: URL(filePath: path))
        try spoil(path, name)
        let resumed = try dit(
          ["train", "--output-path", "run", "--resume", "--max-steps", "3"], in: folder)
        #expect(resumed.status == 1)
        #expect(resumed.errors.contains("1 of the numbers of '\(name)' are"), "\(resumed.errors)")
        try good.write(to: URL(filePath: path))
      }
    }
  }

  @Test func saysThatAnAutoencoderIsNotSound() throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      let encoder = "encoder.layers.0.weight"
      let names = try weights(folder.path + "/tiny.st").keys
      let name = try #require(
        names.first { $0 == encoder }
          ?? names.sorted().first {
            $0.hasPrefix("encoder.")
          })
      try spoil(folder.path + "/tiny.st", name)
      for command in [
        ["encode", "--output-path", "cache"],
        ["train", "--output-path", "run", "--max-steps", "1"],
      ] {
        let result = try dit(
          command + [
            "--data-path", "images", "--vae-checkpoint", "tiny.st", "--image-size", "32",
          ], in: folder.path)
        #expect(result.status == 1)
        #expect(result.errors.contains("'tiny.st': 1 of the numbers of '"), "\(result.errors)")
        #expect(!result.errors.contains("learning-rate"))
      }
    }
  }

  @Test func noticesADamagedCheckpoint() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try train(
        ["--max-steps", "2", "--ckpt-save-interval", "1", "--output-path", "run"], in: folder)
      let path = folder + "/run/checkpoints/step-000002/ema.safetensors"
      var bytes = try Data(contentsOf: URL(filePath: path))
      bytes[bytes.count / 2] ^= 0x10
      try bytes.write(to: URL(filePath: path))
      for command in [
        ["sample", "--dit-checkpoint", "run"],
        ["generate", "--dit-checkpoint", "run", "--num-samples", "1", "--output-path", "x.npz"],
        ["train", "--data-path", "images", "--dit-checkpoint", "run", "--image-size", "16"],
      ] {
        let result = try dit(command + ["--vae-checkpoint", "none"], in: folder)
        #expect(result.status == 1)
        #expect(result.errors.contains("latest/ema.safetensors' is damaged"), "\(result.errors)")
      }
      let resumed = try dit(
        ["train", "--output-path", "run", "--resume", "--max-steps", "3"], in: folder)
      #expect(resumed.status == 0)
      #expect(resumed.errors.contains("resumed at step 1 (not from a newer one: "))
      #expect(resumed.errors.contains("ema.safetensors' is damaged"))
    }
  }
}
