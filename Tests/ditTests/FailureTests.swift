internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FailureTests {
  private func sample(_ arguments: [String], in folder: String) throws -> ProgramResult {
    try dit(
      ["sample", "--class-labels", "0", "--sampling-steps", "1", "--output-path", "out"]
        + arguments, in: folder)
  }

  private func expectFailure(_ result: ProgramResult, _ hints: String...) {
    #expect(result.status == 1, "\(result.errors)")
    #expect(result.errors.contains("Error: "))
    for hint in hints { #expect(result.errors.contains(hint), "\(result.errors)") }
  }

  @Test func saysWhyACheckpointCannotBeRead() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("", to: folder + "/empty.pt")
      try AtomicFile.write("<html>", to: folder + "/page.pt")
      for (file, hint) in [
        ("none.pt", "no such file"), (".", "it is a folder"), ("empty.pt", "the file is empty"),
        ("page.pt", "web page"),
      ] {
        expectFailure(try sample(["--dit-checkpoint", file], in: folder), hint, "'\(file)'")
      }
      expectFailure(try sample(["-c", "none.yaml"], in: folder), "no such file")
      #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
    }
  }

  @Test(arguments: [
    ("facebook/DiT-XL-2-256", "https://huggingface.co/facebook/DiT-XL-2-256, and name"),
    ("org/model_1.5", "hf download org/model_1.5 --local-dir model_1.5"),
    ("https://host/file.pt", "download it"), ("hf://a/b", "download it"),
    ("DiT-XL/2", "name of a size"),
    ("DiT-XL-2-256x256.pt", "https://dl.fbaipublicfiles.com/DiT/models/DiT-XL-2-256x256.pt"),
  ]) func saysWhereToGetAModelThatIsNotHere(name: String, hint: String) throws {
    try withTemporaryFolder { folder in
      for option in ["--dit-checkpoint", "--vae-checkpoint"] {
        let dit = option == "--dit-checkpoint" ? [] : ["--dit-checkpoint", "dit.st"]
        try CheckpointWriter.write(
          GoldenValues("dit-even").weights.map { ($0.key, $0.value) }, to: folder + "/dit.st")
        expectFailure(try sample(dit + [option, name], in: folder), "'\(name)'", hint)
      }
    }
  }

  @Test(arguments: ["runs/model", "./org/model", "a/b/c", "org/model.pt", "model", "/org/model"])
  func takesAPathForAPath(name: String) throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/runs")
      let result = try sample(["--dit-checkpoint", name], in: folder)
      expectFailure(result, "no such file", "'\(name)'")
      #expect(!result.errors.contains("hub"))
    }
  }

  @Test func namesTheOptionsForAModelWithoutNullClass() throws {
    try withTemporaryFolder { folder in
      let weights = try GoldenValues("dit-fixed").weights
      let rows = try #require(weights["y_embedder.embedding_table.weight"]).size(0)
      try CheckpointWriter.write(weights.map { ($0.key, $0.value) }, to: folder + "/dit.st")
      let model = ["--dit-checkpoint", "dit.st", "--num-heads", "4"]
      let without = model + ["--num-classes", "\(rows)"]
      let guided = try sample(without, in: folder)
      #expect(guided.status == 64)
      for hint in ["no null class", "--guidance-scale 1", "--num-classes \(rows - 1)"] {
        #expect(guided.errors.contains(hint), "\(guided.errors)")
      }
      let last = ["--guidance-scale", "1", "--class-labels", "\(rows - 1)"]
      let image = try sample(without + last, in: folder)
      #expect(image.status == 0, "\(image.errors)")
      expectFailure(
        try sample(model + ["--num-classes", "77"], in: folder), "not for 77",
        "leave --num-classes out")
    }
  }

  @Test func listsAllThatDoesNotFitTheModel() throws {
    let values = try GoldenValues("dit-fixed")
    try withTemporaryFolder { folder in
      var weights = values.weights
      weights["blocks.0.attn.qkv.bias"] = nil
      weights["blocks.0.attn.proj.weight"] = .zeros([2, 2])
      weights["extra.weight"] = .zeros([1])
      try CheckpointWriter.write(
        weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: folder + "/odd.st")
      expectFailure(
        try sample(["--dit-checkpoint", "odd.st", "--num-heads", "4"], in: folder),
        "1 missing: blocks.0.attn.qkv.bias", "1 unexpected: extra.weight",
        "1 of another shape: blocks.0.attn.proj.weight: [2, 2] in the file, [32, 32] in the model")
    }
  }

  @Test func refusesLatentsThatAreNotFinite() throws {
    let values = try GoldenValues("dit-fixed")
    try withTemporaryFolder { folder in
      var weights = values.weights
      weights["final_layer.linear.bias"] = try #require(weights["final_layer.linear.bias"]) * .nan
      try CheckpointWriter.write(
        weights.map { ($0.key, $0.value) }, to: folder + "/nan.safetensors")
      let result = try sample(
        ["--dit-checkpoint", "nan.safetensors", "--num-heads", "4"], in: folder)
      expectFailure(result, "not finite", "--precision fp32")
      #expect(!Folder.exists(folder + "/out"))
    }
  }

  @Test func namesTheOptionForHeads() throws {
    try withTemporaryFolder { folder in
      let weights = try GoldenValues("dit-fixed").weights
      try CheckpointWriter.write(
        weights.map { ($0.key, $0.value) }, to: folder + "/dit.st")
      let model = ["--dit-checkpoint", "dit.st"]
      expectFailure(
        try sample(model + ["--num-heads", "5"], in: folder),
        "5 attention heads (as given) do not divide the width", "; say how many with --num-heads")
    }
  }

  @Test(.enabled(if: Device.cpu.capabilities.int8)) func namesThePrecision() throws {
    try withTemporaryFolder { folder in
      var weights = try GoldenValues("dit-fixed").weights
      weights["blocks.0.mlp.fc1.weight"] = try #require(weights["blocks.0.mlp.fc1.weight"]) * .nan
      try CheckpointWriter.write(
        weights.map { ($0.key, $0.value) }, to: folder + "/dit.st")
      expectFailure(
        try sample(
          ["--dit-checkpoint", "dit.st", "--num-heads", "4", "--precision", "int8"], in: folder),
        "blocks.0.mlp.fc1", "infinities or NaN", "; another --precision may serve")
    }
  }

  @Test func tellsAnAutoencoderFromAModel() throws {
    let (vae, model) = (golden("autoencoder-kl.safetensors"), golden("dit-even.safetensors"))
    try withTemporaryFolder { folder in
      expectFailure(
        try sample(["--dit-checkpoint", vae], in: folder),
        "is an autoencoder, not a DiT; an autoencoder goes to --vae-checkpoint")
      let weights = try GoldenValues("dit-even").weights
      try CheckpointWriter.write(
        weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: folder + "/dit.st")
      expectFailure(
        try sample(["--dit-checkpoint", "dit.st", "--vae-checkpoint", model], in: folder),
        "is no autoencoder")
      let none = try sample(["--dit-checkpoint", "dit.st"], in: folder)
      #expect(none.status == 64)
      #expect(
        none.errors.contains(
          "latents of 4 channels, not pixels; name the file of its autoencoder with --vae-checkpoint"
        ),
        "\(none.errors)")
    }
  }

  @Test func namesTheOptionThatAFileWithoutPositionsNeeds() throws {
    try withTemporaryFolder { folder in
      try FileManager.default.copyItem(
        atPath: golden("diffusers/diffusion_pytorch_model.safetensors"),
        toPath: folder + "/model.safetensors")
      let result = try sample(["--dit-checkpoint", "model.safetensors"], in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains("has no position embedding"), "\(result.errors)")
      #expect(result.errors.contains("; give --image-size"), "\(result.errors)")
    }
  }

  @Test func refusesAnAutoencoderOfOtherChannels() throws {
    try withTemporaryFolder { folder in
      var weights = try GoldenValues("autoencoder-tiny").weights
        .filter { $0.key.hasPrefix("decoder.") }
      let first = "decoder.layers.0.weight"
      weights[first] = weights[first]?.narrowed(axis: 1, start: 0, count: 3)
      try CheckpointWriter.write(
        weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: folder + "/tiny.st")
      let values = try GoldenValues("dit-even")
      try CheckpointWriter.write(
        values.weights.map { ($0.key, $0.value) }, to: folder + "/dit.st")
      let files = ["--dit-checkpoint", "dit.st", "--vae-checkpoint", "tiny.st"]
      expectFailure(
        try sample(files + ["--num-heads", "2"], in: folder),
        "makes 4 channels and 'tiny.st' takes latents of 3")
    }
  }

  @Test(arguments: [
    (["--vae-checkpoint", "vae.safetensors"], "has its own; name the model's file"),
    (["--cfg-channels", "100"], "first 100 channels"),
    (["--num-heads", "6"], "heads, as the file says, not 6"),
  ]) func refusesWhatDoesNotGoWithTheBuiltInModel(_ arguments: [String], _ hint: String) throws {
    try withTemporaryFolder { folder in
      let result = try sample(arguments, in: folder)
      #expect(result.status != 0)
      #expect(result.errors.contains(hint), "\(result.errors)")
    }
  }

  @Test func namesTheOptionOfAFileThatWouldBeLost() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("", to: folder + "/latents")
      let result = try sample(["--save-latents", "latents"], in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains("choose another --save-latents"), "\(result.errors)")
    }
  }

  @Test func checksTheFileOfLatentsFirst() throws {
    try withTemporaryFolder { folder in
      expectFailure(
        try sample(["--save-latents", "out"], in: folder), "'out'", "it is a folder")
      #expect(try Folder.names(in: folder + "/out").isEmpty)
    }
  }

  @Test func refusesADeviceThatIsNotThere() throws {
    try withTemporaryFolder { folder in
      expectFailure(
        try sample(["--device", "cuda:63"], in: folder), "device 'cuda:63'")
    }
  }

  @Test func checksTheOutputFolderFirst() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("", to: folder + "/out")
      expectFailure(try sample([], in: folder), "out", "not a folder")
    }
  }

  @Test(.enabled(if: mayMountDisks)) func reportsAFullDisk() throws {
    try withTemporaryFolder { folder in
      let disk = folder + "/disk"
      try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
      let mount = try runSystemProgram(
        "/bin/mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", disk])
      #expect(mount == 0)
      defer { _ = try? runSystemProgram("/bin/umount", [disk]) }
      let result = try dit(
        [
          "sample", "--class-labels", "0,1,2,3,4,5,6,7", "--sampling-steps", "1",
          "--output-path", disk + "/out",
        ])
      expectFailure(result, "No space left on device")
      let names = try FileManager.default.contentsOfDirectory(atPath: disk + "/out")
      #expect(names.allSatisfy { !$0.hasPrefix(".partial") })
    }
  }
}
