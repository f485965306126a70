internal import Diffusion
internal import Files
internal import Foundation
internal import ImageData
internal import Inference
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing

@Suite struct SamplingSettingsTests {
  private func decoded(_ text: String) throws -> SamplingSettings {
    try JSONDecoder().decode(SamplingSettings.self, from: Data(text.utf8))
  }

  @Test func keepAllThatIsSet() throws {
    let settings = SamplingSettings(
      pipeline: PipelineConfig(
        ditCheckpoint: "dit.pt", guideCheckpoint: "weak.pt", autoencoder: .file("vae.pt"),
        preset: .xl2, imageSize: 256,
        headCount: 16, classCount: 5, classNamesPath: "names.txt", scaleFactor: 0.5,
        precision: .int8WithFloatFC2, mode: .eager,
        cache: .taylor(interval: 3), device: "cuda:1", allowsTF32: false),
      options: SamplingOptions(
        sampler: .ddim, stepCount: 7, samplerOptions: SamplerOptions(eta: 0.25),
        guidance: Guidance(
          scale: 1.5, channels: .all,
          interval: GuidanceInterval(from: 0.1, to: 0.7))),
      seed: 1 << 63, batchSize: 3)
    let data = try JSONEncoder().encode(settings)
    #expect(try JSONDecoder().decode(SamplingSettings.self, from: data) == settings)
  }

  @Test(arguments: [AutoencoderChoice.automatic, .none, .embedded])
  func keepTheChoiceOfAnAutoencoder(_ choice: AutoencoderChoice) throws {
    let settings = SamplingSettings(pipeline: PipelineConfig(autoencoder: choice))
    let data = try JSONEncoder().encode(settings)
    #expect(try JSONDecoder().decode(SamplingSettings.self, from: data) == settings)
  }

  /// A job goes on with the settings it was begun with, also those of earlier versions.
  @Test func areToldApartByWhatChangesImages() throws {
    let plain = SamplingSettings(pipeline: .small())
    let pipeline = try LatentDiffusionPipeline(plain.pipeline)
    func added(_ change: (inout SamplingSettings) throws -> Void) throws -> [String: String] {
      var settings = plain
      try change(&settings)
      let labels = LabelChoice(isDrawn: true)
      let before = try plain.fingerprint(of: pipeline, count: 3, labels: labels)
      return try settings.fingerprint(of: pipeline, count: 3, labels: labels)
        .filter { before[$0.key] != $0.value }
    }
    #expect(try added { $0.pipeline.cache = .off }.isEmpty)
    #expect(try added { $0.pipeline.cache = .taylor(interval: 3) } == ["cache": "taylor:3"])
    #expect(
      try added {
        $0.options.guidance.interval = try #require(GuidanceInterval(from: 0, to: 0.7))
      } == ["guidance_interval": "0,0.7"])
    let file = golden("dit-even.safetensors")
    let guide = try added { $0.pipeline.guideCheckpoint = file }
    #expect(Array(guide.keys) == ["guide_checkpoint"])
    #expect(guide["guide_checkpoint"]?.contains("dit-even.safetensors") == true)
  }

  @Test func haveDefaults() throws { #expect(try decoded("{}") == SamplingSettings()) }

  @Test(arguments: [
    "sampler", "precision", "mode", "model_name", "cfg_channels", "guidance_interval", "cache",
  ])
  func refuseUnknownNames(_ key: String) throws {
    #expect(throws: DecodingError.self) { try decoded("{\"\(key)\": \"xyz\"}") }
  }

  @Test func takeTheLayerOfAnotherFormatForNothing() throws {
    #expect(
      try decoded(#"{"precision": "fp32", "int8_fc2": "int8"}"#).pipeline.precision == .fp32)
    #expect(try decoded(#"{"int8_fc2": "fp32"}"#).pipeline.precision == .auto)
    #expect(
      try decoded(#"{"precision": "int8", "int8_fc2": "fp32"}"#).pipeline.precision
        == .int8WithFloatFC2)
    #expect(try decoded(#"{"precision": "int8"}"#).pipeline.precision == .int8)
    for precision in ["fp32", "int8"] {
      #expect(throws: DecodingError.self) {
        try decoded("{\"precision\": \"\(precision)\", \"int8_fc2\": \"xyz\"}")
      }
    }
  }

  @Test func takeAChannelCountAsTextOrNumber() throws {
    for text in ["2", "\"2\""] {
      #expect(
        try decoded("{\"cfg_channels\": \(text)}").options.guidance.channels == .first(2))
    }
    for text in ["0", "-1", "2.5", "true", "[3]"] {
      #expect(throws: DecodingError.self) { try decoded("{\"cfg_channels\": \(text)}") }
    }
  }

  @Test func areReadFromTheRecordOfARun() throws {
    try withTemporaryFolder { folder in
      let first = try dit(
        [
          "sample", "--class-labels", "1", "--sampler", "ddim", "--eta", "0.5", "--sampling-steps",
          "3", "--guidance-scale", "2", "--cfg-channels", "all", "--seed", "9", "--precision",
          "fp32", "--output-path", "out", "--save-latents", "latents",
        ] + SmallModel.options, in: folder)
      #expect(first.status == 0, "\(first.errors)")
      let text = try String(contentsOfFile: folder + "/out/sample.json", encoding: .utf8)
      let settings = try decoded(text)
      #expect(settings.options.sampler == .ddim && settings.options.stepCount == 3)
      #expect(settings.options.samplerOptions.eta == 0.5 && settings.seed == 9)
      #expect(settings.options.guidance == Guidance(scale: 2, channels: .all))
      #expect(settings.pipeline.precision == .fp32)
      #expect(settings.pipeline.ditCheckpoint == SmallModel.dit)
      #expect(settings.batchSize == 1)
      let pipeline = try LatentDiffusionPipeline(settings.pipeline)
      let latents = try pipeline.samplingLoop(
        labels: [1], options: settings.options,
        generator: pipeline.makeGenerator(seed: settings.seed)
      ).run()
      let image = try #require(try pipeline.decode(latents).first)
      let pixels = try RGBImage(contentsOf: folder + "/out/class-1.png").pixels
      // The program runs on one thread, and sums over threads round differently.
      #expect(zip(image.pixels, pixels).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }
  }
}
