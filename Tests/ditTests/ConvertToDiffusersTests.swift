internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// `dit convert --format diffusers`, and what reads its folders.
@Suite struct ConvertToDiffusersTests {
  /// Writes the golden DiT and autoencoder in their canonical names: dit.pt and vae.safetensors.
  private static func writeModels(
    to folder: String, changing change: (inout [String: Tensor]) -> Void = { _ in }
  ) throws {
    var weights = try GoldenValues("dit-even").weights
    change(&weights)
    try CheckpointWriter.write(
      weights.map { ($0.key, $0.value) }, as: .pytorch,
      metadata: ["class_names": ClassNameList.encode((0..<10).map { "class \($0)" })],
      to: folder + "/dit.pt")
    try CheckpointWriter.write(
      try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) }, as: .safetensors,
      metadata: ["scaling_factor": "0.25"], to: folder + "/vae.safetensors")
  }

  private static let arguments = [
    "convert", "-s", "dit.pt", "-t", "pipe/", "--format", "diffusers", "--num-heads", "2",
  ]

  private static func json(_ path: String) throws -> NSDictionary {
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
    return try #require(object as? NSDictionary)
  }

  private static func expectSame(
    _ state: [String: Tensor], _ reference: [String: Tensor],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    #expect(Set(state.keys) == Set(reference.keys), sourceLocation: sourceLocation)
    for (name, tensor) in reference {
      let copy = try #require(state[name], sourceLocation: sourceLocation)
      #expect(relativeError(copy, tensor) == 0, "\(name)", sourceLocation: sourceLocation)
    }
  }

  /// A mounted disk stands in for a folder that cannot be moved away, or cannot be removed.
  @Test(.enabled(if: mayMountDisks), arguments: ["vae", "vae/disk"])
  func losesNothingIfAnOldPartStays(_ mounted: String) throws {
    try withTemporaryFolder { folder in
      try ConvertToDiffusersTests.writeModels(to: folder)
      let arguments = ConvertToDiffusersTests.arguments
      #expect(try dit(arguments, in: folder).status == 0)
      try AtomicFile.write("old", to: folder + "/pipe/transformer/config.json")
      let disk = "\(folder)/pipe/\(mounted)"
      try Folder.make(disk)
      #expect(
        try runSystemProgram("/bin/mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]) == 0)
      let isMovable = mounted != "vae"
      let result = try dit(arguments + ["--force"], in: folder)
      #expect(result.status == 1, "\(result.errors)")
      let config = try String(
        contentsOfFile: folder + "/pipe/transformer/config.json", encoding: .utf8)
      #expect((config == "old") != isMovable)
      let left = try Folder.names(in: folder + "/pipe").filter { $0.hasPrefix(".partial") }
      for path in (left + ["vae"]).map({ "\(folder)/pipe/\($0)" }) {
        _ = try runSystemProgram("/bin/umount", [path])
        _ = try runSystemProgram("/bin/umount", [path + "/vae/disk"])
      }
      #expect(left.count == (isMovable ? 1 : 0))
      #expect(result.errors.contains(isMovable ? "the new files are in 'pipe" : "pipe/"))
      for part in ["transformer", "scheduler", "model_index.json"] {
        #expect(try Folder.names(in: folder + "/pipe").contains(part))
      }
    }
  }

  @Test func writesTheFolderThatDiffusersWrites() throws {
    try withTemporaryFolder { folder in
      try ConvertToDiffusersTests.writeModels(to: folder)
      let result = try dit(ConvertToDiffusersTests.arguments, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "pipe/\n" && result.errors.contains("needs vae=None"))
      let written = try Checkpoint.open(folder + "/pipe")
      let reference = try Checkpoint.open(golden("diffusers/diffusion_pytorch_model.safetensors"))
      try ConvertToDiffusersTests.expectSame(written.stateDict, reference.stateDict)
      #expect(
        try ConvertToDiffusersTests.json(folder + "/pipe/transformer/config.json")
          == ConvertToDiffusersTests.json(golden("diffusers/config.json")))
      let index = try ConvertToDiffusersTests.json(folder + "/pipe/model_index.json")
      #expect(index["vae"] as? [NSNull] == [NSNull(), NSNull()])
      #expect((index["id2label"] as? [String: String])?["9"] == "class 9")
    }
  }

  @Test func keepsEveryBitOfAPipelineSplitOverFiles() throws {
    try withTemporaryFolder { folder in
      try ConvertToDiffusersTests.writeModels(to: folder)
      let steps = [
        ConvertToDiffusersTests.arguments + [
          "--vae-source", "vae.safetensors", "--shard-size", "1",
        ],
        ["convert", "-s", "pipe", "-t", "second", "--format", "diffusers"],
        ["convert", "-s", "second", "-t", "dit.ckpt"],
        ["convert", "-s", "second", "-t", "vae.pt", "--kind", "vae"],
        ["convert", "-s", "vae.pt", "-t", "alone", "--format", "diffusers"],
      ]
      for arguments in steps {
        let result = try dit(arguments, in: folder)
        #expect(result.status == 0, "\(result.errors)")
      }
      let shards = try Folder.names(in: folder + "/pipe/vae")
      #expect(shards.filter { $0.hasSuffix(".safetensors") }.count == 3)
      let copy = try Checkpoint.open(folder + "/dit.ckpt")
      #expect(copy.metadata["num_heads"] == "2")
      #expect(ClassNameList.decode(copy.metadata).count == 10)
      var weights = try GoldenValues("dit-even").weights
      let positions = try #require(weights["pos_embed"])
      var state = copy.stateDict
      #expect(relativeError(try #require(state["pos_embed"]), positions) < 1e-6)
      weights["pos_embed"] = nil
      state["pos_embed"] = nil
      try ConvertToDiffusersTests.expectSame(state, weights)
      let vae = try GoldenValues("autoencoder-kl").weights
      for path in ["vae.pt", "alone", "pipe/vae"] {
        let file = try Checkpoint.open(folder + "/" + path)
        #expect(file.metadata["scaling_factor"] == "0.25")
        try ConvertToDiffusersTests.expectSame(file.stateDict, vae)
      }
    }
  }

  @Test func samplesFromAFolderAsFromItsFiles() throws {
    try withTemporaryFolder { folder in
      try ConvertToDiffusersTests.writeModels(to: folder)
      let convert = try dit(
        ConvertToDiffusersTests.arguments + ["--vae-source", "vae.safetensors"], in: folder)
      #expect(convert.status == 0, "\(convert.errors)")
      let models = [
        ["--dit-checkpoint", "dit.pt", "--vae-checkpoint", "vae.safetensors", "--num-heads", "2"],
        ["--dit-checkpoint", "pipe"],
        ["--dit-checkpoint", "pipe/transformer", "--vae-checkpoint", "pipe"],
      ]
      let images = try models.enumerated().map { index, model in
        let result = try dit(
          [
            "sample", "--class-labels", "class 3", "--sampling-steps", "2", "--precision", "fp32",
            "--metadata", "false", "--output-path", "out\(index)",
          ] + model, in: folder)
        #expect(result.status == 0, "\(result.errors)")
        return try Data(contentsOf: URL(filePath: "\(folder)/out\(index)/grid.png"))
      }
      #expect(images[1] == images[0] && images[2] == images[0])
      let report = try ConvertToDiffusersTests.json(folder + "/out1/sample.json")
      #expect(report["vae_checkpoint"] as? String == "pipe")
      #expect(report["sd_scale_factor"] as? Double == 0.25)
    }
  }

  @Test func neverOverwritesAFolderUnaskedNorTheSource() throws {
    try withTemporaryFolder { folder in
      try ConvertToDiffusersTests.writeModels(to: folder)
      let arguments = ConvertToDiffusersTests.arguments
      try Folder.make(folder + "/pipe")
      try AtomicFile.write("mine", to: folder + "/pipe/notes.txt")
      #expect(try dit(arguments + ["--vae-source", "vae.safetensors"], in: folder).status == 0)
      let second = try dit(arguments, in: folder)
      #expect(second.status == 64 && second.errors.contains("would be overwritten"))
      let same = try dit(
        ["convert", "-s", "pipe", "-t", "pipe", "--format", "diffusers", "--force"], in: folder)
      #expect(same.status == 64 && same.errors.contains("holds the source"), "\(same.errors)")
      let part = try dit(
        arguments + ["--force", "--vae-source", "pipe/vae"], in: folder)
      #expect(part.status == 64 && part.errors.contains("holds the source"), "\(part.errors)")
      #expect(try dit(arguments + ["--force"], in: folder).status == 0)
      #expect(
        try Folder.names(in: folder + "/pipe")
          == ["model_index.json", "notes.txt", "scheduler", "transformer"])
    }
  }

  @Test(arguments: [
    (["--shard-size", "0"], 64, "--shard-size 0"),
    (["--kind", "vae"], 1, "is no autoencoder"),
    (["--vae-source", "dit.pt"], 1, "is no autoencoder"),
    (["--vae-source", "none.pt"], 1, "no such file"),
    (["--vae-source", "tiny.safetensors"], 1, "needs an AutoencoderKL"),
    (["--format", "safetensors", "--vae-source", "vae.safetensors"], 64, "--vae-source is for"),
    (["--target", "dit.pt/pipe"], 1, "dit.pt"),
  ]) func explainsWhatCannotBe(_ more: [String], _ status: Int, _ hint: String) throws {
    try withTemporaryFolder { folder in
      try ConvertToDiffusersTests.writeModels(to: folder)
      try CheckpointWriter.write(
        try GoldenValues("autoencoder-tiny").weights.map { ($0.key, $0.value) }, as: .safetensors,
        to: folder + "/tiny.safetensors")
      let result = try dit(ConvertToDiffusersTests.arguments + more, in: folder)
      #expect(result.status == status, "\(result.errors)")
      #expect(result.errors.contains(hint), "\(result.errors)")
      #expect(
        try Folder.names(in: folder) == ["dit.pt", "tiny.safetensors", "vae.safetensors"])
    }
  }

  @Test func refusesModelsThatDiffusersCannotHold() throws {
    try withTemporaryFolder { folder in
      try ConvertToDiffusersTests.writeModels(to: folder) { weights in
        weights["pos_embed"] = weights["pos_embed"].map { $0 + 0.5 }
      }
      let result = try dit(ConvertToDiffusersTests.arguments, in: folder)
      #expect(result.status == 1 && result.errors.contains("position embedding"))
      #expect(!Folder.exists(folder + "/pipe"))
    }
  }
}
