internal import Checkpoint
internal import Files
internal import Foundation
internal import Inference
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// The `config.json` next to an autoencoder of diffusers.
@Suite struct AutoencoderFieldsTests {
  private static let kl: [String: String] = [
    "_class_name": #""AutoencoderKL""#, "act_fn": #""silu""#, "block_out_channels": "[16, 24]",
    "norm_num_groups": "8", "layers_per_block": "1", "latent_channels": "4",
    "use_quant_conv": "false", "use_post_quant_conv": "true", "mid_block_add_attention": "false",
    "latents_mean": "[0.1, -0.2, 0.3, 0.0]", "latents_std": "[0.5, 1.0, 2.0, 1.5]",
    "scaling_factor": "0.75", "shift_factor": "null", "force_upcast": "true",
    "sample_size": "[32, 32]",
  ]

  private static let tiny: [String: String] = [
    "_class_name": #""AutoencoderTiny""#, "act_fn": #""relu""#, "scaling_factor": "1.0",
    "shift_factor": "0.0", "latent_magnitude": "3", "latent_shift": "0.5",
  ]

  private static func text(_ fields: [String: String]) -> String {
    "{" + fields.map { "\"\($0)\": \($1)" }.sorted().joined(separator: ",\n") + "}"
  }

  /// Opens golden weights beside a configuration.
  private static func state(
    _ name: String, _ config: String?, file: String = "diffusion_pytorch_model.safetensors"
  ) throws -> AutoencoderState {
    try withTemporaryFolder { folder in
      try CheckpointWriter.write(
        try GoldenValues(name).weights.map { ($0.key, $0.value) }, to: "\(folder)/\(file)")
      if let config { try AtomicFile.write(config, to: folder + "/config.json") }
      return try AutoencoderState(
        Checkpoint.open(file.hasPrefix("diffusion") ? folder : "\(folder)/\(file)", part: .vae))
    }
  }

  @Test(arguments: [ExecutionMode.graph, .eager], ["diffusion_pytorch_model.bin", "vae.pt"])
  func decidesWhatIsComputed(_ mode: ExecutionMode, _ file: String) throws {
    let state = try AutoencoderFieldsTests.state(
      "autoencoder-variant", AutoencoderFieldsTests.text(AutoencoderFieldsTests.kl),
      file: file.hasPrefix("vae") ? "vae.safetensors" : "diffusion_pytorch_model.safetensors")
    let values = try GoldenValues("autoencoder-variant")
    let model = makeAutoencoder(state.model(on: .cpu), mode: mode, device: .cpu)
    #expect(model.defaultScaleFactor == 0.75)
    let latents = model.encode(values["image"])
    #expect(relativeError(latents.mean, values["mean"]) < Tolerance.float32)
    let logVariance = try #require(latents.logVariance)
    #expect(relativeError(logVariance, values["logvar"]) < Tolerance.float32)
    #expect(relativeError(model.decode(values["latents"]), values["decoded"]) < Tolerance.float32)
  }

  @Test func isKeptAsMetadata() throws {
    let first = try AutoencoderFieldsTests.state(
      "autoencoder-variant", AutoencoderFieldsTests.text(AutoencoderFieldsTests.kl))
    for format in [CheckpointFormat.safetensors, .pytorch, .mindspore] {
      try withTemporaryFolder { folder in
        let path = folder + "/vae.file"
        try CheckpointWriter.write(
          first.tensors.map { ($0.key, $0.value) }, as: format, metadata: first.metadata, to: path)
        let second = try AutoencoderState(Checkpoint.open(path))
        guard case .kl(let before) = first.config, case .kl(let after) = second.config else {
          Issue.record("no AutoencoderKL")
          return
        }
        #expect(before == after && before.groupCount == 8 && before.statistics.means.count == 4)
        #expect(first.encoderChecksum == second.encoderChecksum)
      }
    }
  }

  @Test func makesAnotherChecksumIfLatentsDiffer() throws {
    var fields = AutoencoderFieldsTests.kl
    func checksum() throws -> String {
      try AutoencoderFieldsTests.state("autoencoder-variant", AutoencoderFieldsTests.text(fields))
        .encoderChecksum
    }
    let first = try checksum()
    fields["scaling_factor"] = "0.5"
    #expect(try checksum() == first)
    fields["norm_num_groups"] = "4"
    #expect(try checksum() != first)
  }

  @Test func shiftsByOneNumber() throws {
    let plain = try AutoencoderFieldsTests.state(
      "autoencoder-tiny", AutoencoderFieldsTests.text(AutoencoderFieldsTests.tiny))
    var fields = AutoencoderFieldsTests.tiny
    (fields["shift_factor"], fields["scaling_factor"]) = ("0.25", "0.5")
    let shifted = try AutoencoderFieldsTests.state(
      "autoencoder-tiny", AutoencoderFieldsTests.text(fields))
    let (a, b) = (plain.model(on: .cpu), shifted.model(on: .cpu))
    #expect(a.defaultScaleFactor == 1 && b.defaultScaleFactor == 0.5)
    let values = try GoldenValues("autoencoder-tiny")
    #expect(relativeError(b.encode(values["image"]).mean + 0.25, values["encoded"]) < 1e-5)
    #expect(relativeError(b.decode(values["latents"] - 0.25), values["decoded"]) < 1e-5)
    #expect(shifted.metadata == ["shift_factor": "0.25", "scaling_factor": "0.5"])
    #expect(plain.metadata.isEmpty)
  }

  @Test(arguments: [
    ("act_fn", #""relu""#), ("act_fn", "3"), ("norm_num_groups", "5"), ("norm_num_groups", "0"),
    ("norm_num_groups", "2.5"), ("norm_num_groups", #""8""#), ("block_out_channels", "[16, 32]"),
    ("layers_per_block", "2"), ("latent_channels", "3"), ("use_quant_conv", "true"),
    ("use_quant_conv", nil), ("use_post_quant_conv", "false"), ("mid_block_add_attention", nil),
    ("scaling_factor", "0"), ("scaling_factor", #""0.5""#), ("scaling_factor", "[1]"),
    ("shift_factor", "0.1"), ("latents_mean", "null"), ("latents_std", "null"),
    ("latents_std", "[1, 1]"), ("latents_std", "[1, 1, 0, 1]"), ("in_channels", "4"),
    ("out_channels", "1"),
    ("down_block_types", #"["DownEncoderBlock2D", "AttnDownEncoderBlock2D"]"#),
    ("up_block_types", #"["AttnUpDecoderBlock2D", "UpDecoderBlock2D"]"#),
    ("_class_name", #""AsymmetricAutoencoderKL""#), ("scaling_factor", "null"),
    ("norm_num_groups", "null"), ("use_quant_conv", "null"), ("act_fn", "null"),
  ]) func isRefusedByName(_ key: String, _ value: String?) throws {
    var fields = AutoencoderFieldsTests.kl
    fields[key] = value
    let text = AutoencoderFieldsTests.text(fields)
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try AutoencoderFieldsTests.state("autoencoder-variant", text)
      })
    let names = [key, "latents_mean", "groups"]
    #expect(names.contains(where: error.message.contains), "\(error)")
  }

  @Test(arguments: [
    ("act_fn", #""gelu""#), ("upsample_fn", #""bilinear""#), ("upsampling_scaling_factor", "3"),
    ("in_channels", "4"), ("latent_channels", "8"), ("scaling_factor", "-1"),
  ]) func isRefusedByNameForATinyOne(_ key: String, _ value: String) throws {
    var fields = AutoencoderFieldsTests.tiny
    fields[key] = value
    let text = AutoencoderFieldsTests.text(fields)
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try AutoencoderFieldsTests.state("autoencoder-tiny", text)
      })
    #expect(error.message.contains("config.json': \(key)"), "\(error)")
  }

  @Test(arguments: ["", "{", "[1]", #"{"scaling_factor": 0.5"#, "\u{0}\u{0}", "null"])
  func isNoSecretIfItCannotBeRead(_ text: String) throws {
    for file in ["diffusion_pytorch_model.safetensors", "vae.safetensors"] {
      let error = try #require(
        #expect(throws: PipelineError.self) {
          try AutoencoderFieldsTests.state("autoencoder-kl", text, file: file)
        })
      #expect(error.message.contains("config.json'"), "\(error)")
    }
  }

  @Test(arguments: [
    "{\"scaling_factor\": 0.5,\n\"norm_num_groups\": 8,\n\"scaling_factor\": 0.5}",
    #"{"a": {"x": [{}, {"scaling_factor": 1}]}, "scaling_factor": 1, "scaling\u005ffactor": 2}"#,
  ])
  func hasNoFieldTwice(_ text: String) throws {
    for (model, file) in [("kl", "diffusion_pytorch_model.safetensors"), ("tiny", "v.safetensors")]
    {
      let error = try #require(
        #expect(throws: PipelineError.self) {
          try AutoencoderFieldsTests.state("autoencoder-\(model)", text, file: file)
        })
      #expect(error.message.contains("'scaling_factor' stands twice, in line"), "\(error)")
    }
  }

  @Test func isAnErrorIfItsLinkLeadsNowhere() throws {
    for name in ["diffusion_pytorch_model", "vae"] {
      try withTemporaryFolder { folder in
        let path = "\(folder)/\(name).safetensors"
        try CheckpointWriter.write(
          try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) }, to: path)
        try FileManager.default.createSymbolicLink(
          atPath: folder + "/config.json", withDestinationPath: "../gone/config.json")
        let error = #expect(throws: (any Error).self) {
          try AutoencoderState(Checkpoint.open(path))
        }
        #expect("\(try #require(error))".contains("config.json"))
      }
    }
  }

  @Test func countsLessThanTheFilesOwnMetadata() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/diffusion_pytorch_model.safetensors"
      try CheckpointWriter.write(
        try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) },
        metadata: ["scaling_factor": "0.5"], to: path)
      for (other, isDifferent) in [("0.5", false), ("0.25", true)] {
        try AtomicFile.write("{\"scaling_factor\": \(other)}", to: folder + "/config.json")
        let state = try AutoencoderState(Checkpoint.open(path))
        #expect(state.model(on: .cpu).defaultScaleFactor == 0.5)
        #expect(state.findings.count == (isDifferent ? 1 : 0))
        guard let finding = state.findings.first?.description else { continue }
        #expect(finding.contains("scaling_factor is 0.5") && finding.contains("0.25 as in"))
      }
    }
  }

  @Test func ofAnotherModelBesideAnyFileDoesNotCount() throws {
    let text = #"{"_class_name": "DiTTransformer2DModel", "norm_num_groups": 2, "sample_size": 3}"#
    let state = try AutoencoderFieldsTests.state(
      "autoencoder-kl", text, file: "vae.safetensors")
    #expect(state.metadata.isEmpty)
    #expect(throws: PipelineError.self) {
      try AutoencoderFieldsTests.state("autoencoder-kl", text)
    }
    // Widths that no norm of 32 groups has, and nothing that tells how many there are.
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try AutoencoderFieldsTests.state("autoencoder-variant", nil)
      })
    #expect(error.reason == .model(.groupCount))
  }
}
