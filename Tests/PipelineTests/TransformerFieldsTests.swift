internal import Checkpoint
internal import Files
internal import Foundation
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// The `config.json` and `scheduler_config.json` of a pipeline of diffusers.
@Suite struct TransformerFieldsTests {
  private static let scheduler = [
    "_class_name": #""DDIMScheduler""#, "beta_start": "0.0001", "beta_end": "0.02",
    "beta_schedule": #""linear""#, "clip_sample": "false", "num_train_timesteps": "1000",
    "prediction_type": #""epsilon""#, "trained_betas": "null", "thresholding": "false",
    "timestep_spacing": #""leading""#, "steps_offset": "0",
  ]

  /// Opens the golden DiT in the folder of a pipeline.
  private static func state(
    changing change: (inout [String: Any]) -> Void = { _ in }, config text: String? = nil,
    scheduler: String? = nil
  ) throws -> DiTState {
    try withTemporaryFolder { folder in
      let transformer = folder + "/transformer"
      try Folder.make(transformer)
      try Folder.make(folder + "/scheduler")
      try AtomicFile.write("{}", to: folder + "/model_index.json")
      let name = "diffusion_pytorch_model.safetensors"
      try FileManager.default.copyItem(
        atPath: golden("diffusers/" + name), toPath: "\(transformer)/\(name)")
      let data = try Data(contentsOf: URL(filePath: golden("diffusers/config.json")))
      var fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      change(&fields)
      try AtomicFile.write(text ?? JSON.line(fields), to: transformer + "/config.json")
      if let scheduler {
        try AtomicFile.write(scheduler, to: folder + "/scheduler/scheduler_config.json")
      }
      return try DiTState(Checkpoint.open(folder))
    }
  }

  private static func text(_ fields: [String: String]) -> String {
    "{" + fields.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
  }

  @Test func areUsed() throws {
    let model = try GoldenValues("dit-even").config.model
    let older: (inout [String: Any]) -> Void = {
      $0["_class_name"] = "Transformer2DModel"
      $0["norm_eps"] = nil
      $0["sample_size"] = [8, 8]
      $0["upcast_attention"] = true
      $0["dropout"] = 0.1
    }
    let text = TransformerFieldsTests.text(TransformerFieldsTests.scheduler)
    #expect(try TransformerFieldsTests.state(changing: older, scheduler: text).config == model)
    #expect(try TransformerFieldsTests.state { $0["norm_eps"] = 1e-5 }.config == model)
  }

  @Test(arguments: [
    ("activation_fn", #""gelu""#), ("norm_type", #""ada_norm""#), ("norm_eps", "0.1"),
    ("norm_elementwise_affine", "true"), ("attention_bias", "false"), ("num_layers", "3"),
    ("patch_size", "4"), ("in_channels", "3"), ("out_channels", "4"),
    ("num_embeds_ada_norm", "1000"), ("attention_head_dim", "8"), ("sample_size", "[8, 16]"),
    ("sample_size", "9"), ("num_attention_heads", "\"2\""), ("_class_name", #""PixArt""#),
  ]) func ofTheModelAreRefusedByName(_ key: String, _ value: String) throws {
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try TransformerFieldsTests.state(changing: {
          $0[key] = try? JSONSerialization.jsonObject(
            with: Data(value.utf8), options: .fragmentsAllowed)
        })
      })
    #expect(error.message.contains(key) || error.message.contains("patches"), "\(error)")
  }

  @Test(arguments: [
    ("prediction_type", #""v_prediction""#), ("prediction_type", #""sample""#),
    ("beta_schedule", #""scaled_linear""#), ("beta_start", "0.00085"), ("beta_end", "0.012"),
    ("num_train_timesteps", "500"), ("clip_sample", "true"), ("clip_sample", nil),
    ("thresholding", "true"), ("trained_betas", "[0.1, 0.2]"), ("rescale_betas_zero_snr", "true"),
    ("_class_name", #""FlowMatchEulerDiscreteScheduler""#), ("beta_end", #""0.02""#),
  ]) func ofTheSchedulerAreRefusedByName(_ key: String, _ value: String?) throws {
    var fields = TransformerFieldsTests.scheduler
    fields[key] = value
    let text = TransformerFieldsTests.text(fields)
    let error = try #require(
      #expect(throws: PipelineError.self) {
        try TransformerFieldsTests.state(scheduler: text)
      })
    #expect(error.message.contains("scheduler_config.json': \(key)"), "\(error)")
  }

  @Test func areNoSecretIfTheyCannotBeRead() throws {
    let faults: [(() throws -> DiTState, String)] = [
      ({ try TransformerFieldsTests.state(config: "{\"sample_size\"") }, "transformer/config.json"),
      ({ try TransformerFieldsTests.state(scheduler: "[]") }, "scheduler_config.json"),
    ]
    for (open, hint) in faults {
      let error = try #require(#expect(throws: PipelineError.self) { _ = try open() })
      #expect(error.message.contains(hint), "\(error)")
    }
  }

  @Test func lackOfPositionsIsMadeUpForInAnyNames() throws {
    let values = try GoldenValues("dit-even")
    var weights = values.weights
    weights["pos_embed"] = nil
    try withTemporaryFolder { folder in
      let path = folder + "/dit.pt"
      try CheckpointWriter.write(
        weights.map { ($0.key, $0.value) }, as: .pytorch, metadata: ["num_heads": "2"], to: path)
      let checkpoint = try Checkpoint.open(path)
      let missing = try #require(
        #expect(throws: PipelineError.self) { try DiTState(checkpoint) })
      #expect(missing.reason == .missingImageSize)
      let states = [
        try DiTState(checkpoint, imageSize: 64),
        try DiTState(checkpoint, imageSize: 16) { 2 },
      ]
      for state in states {
        #expect(try state.config == values.config.model && state.findings == [.computedPositions])
        let positions = try #require(state.tensors["pos_embed"])
        #expect(relativeError(positions, values["weights.pos_embed"]) < 1e-6)
      }
    }
  }
}
