internal import DiTKit
internal import Foundation
internal import TestSupport
internal import Testing

/// The examples of README.md and of the articles. `DocumentedBlockTests` compares.
@Suite struct DocumentedExampleTests {
  @Test func makesAnImage() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/face.png"
      let pipeline = try LatentDiffusionPipeline(PipelineConfig())
      let labels = try pipeline.classNames.labels(from: "face")
      let options = SamplingOptions(sampler: .euler, stepCount: 5)
      let generator = try pipeline.makeGenerator(seed: 42)
      let steps = try pipeline.samplingLoop(labels: labels, options: options, generator: generator)
      while let step = try steps.next() {
        print("\(Int(100 * step.progress)) %")
        guard step.isLast, let image = try pipeline.decode(step.latents).first else { continue }
        try Data(image.png()).write(to: URL(filePath: path))
      }
      #expect(try Data(contentsOf: URL(filePath: path)).starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }
  }

  @Test func showsProgress() throws {
    let pipeline = try LatentDiffusionPipeline(PipelineConfig())
    let images = try pipeline.images(
      labels: [2], options: SamplingOptions(sampler: .euler, stepCount: 5),
      generator: try pipeline.makeGenerator(seed: 42)
    ) { event in
      switch event {
      case .step(let step):
        let preview = try pipeline.decode(try step.predictedData())
        print("\(Int(100 * step.progress)) %, preview of \(preview.count) image")
      case .decoded(let count, let all): print("image \(count) of \(all)")
      }
    }
    #expect(images.count == 1)
  }

  @Test func configuresAPublishedModel() throws {
    let published = PipelineConfig(
      ditCheckpoint: "DiT-XL-2-256x256.pt",
      autoencoder: .file("diffusion_pytorch_model.safetensors"))
    #expect(throws: (any Error).self) { try LatentDiffusionPipeline(published) }
  }

  struct Remix: Sampler {
    static let defaultStepCount: Int? = 20
    static let gridConvention = GridConvention.fractionalSteps
    static func spacing(forSteps stepCount: Int) -> TimestepSpacing { .linspace }

    private let times: [Double]
    private var index = 0

    init(path: any ProbabilityPath, times: [Double], options: SamplerOptions) {
      self.times = times
    }

    var stepCount: Int? { times.count - 1 }
    var networkTimes: [Double]? { times.dropLast() }
    var time: Double? { index < times.count - 1 ? times[index] : nil }

    mutating func step(_ x: Tensor, _ predict: Predictor, noise: () -> Tensor) -> Tensor {
      let prediction = predict(x, at: times[index])
      index += 1
      let end = predict.path.point(at: times[index])
      return prediction.x0 * end.alpha + prediction.noise * end.sigma
    }
  }

  /// A step of Euler's method over the ratio of noise to data, in other words.
  @Test func samplesInItsOwnWay() throws {
    let remix = SamplingMethod("remix", Remix.self)
    let options = SamplingOptions(sampler: remix, stepCount: 10)
    let pipeline = try LatentDiffusionPipeline(PipelineConfig(precision: .fp32))
    func latents(_ options: SamplingOptions) throws -> Tensor {
      let generator = try pipeline.makeGenerator(seed: 42)
      return try pipeline.samplingLoop(labels: [2], options: options, generator: generator).run()
    }
    let expected = try latents(SamplingOptions(sampler: .euler, stepCount: 10))
    #expect(relativeError(try latents(options), expected) < Tolerance.trajectory)
  }

  @Test func samplesByHand() throws {
    let checkpoint = try EmbeddedModel.checkpoint()
    let (config, _) = try DiTConfig.inferred(
      from: checkpoint.stateDict.mapValues(\.shape), headCount: nil, metadata: checkpoint.metadata)
    let store = ParameterStore(.load(checkpoint.stateDict, dtype: .float32))
    let model = DiT(config, at: store.root)
    try store.verifyLoaded()

    let guidance = Guidance(scale: 4)
    let labels = Tensor(guidance.batchedLabels([2], nullClass: config.classCount))
    let network = guidance.guided(
      { latents, time in model(latents, t: .full([labels.count], time), y: labels) },
      channelCount: config.channelCount)
    let process = DiffusionProcess.flow()
    let predictor = Predictor(
      network, path: process.path, parametrization: process.parametrization)

    let generator = try Generator(seed: 42)
    let shape = [1, config.channelCount, config.inputSize, config.inputSize]
    let sampler = try SamplingMethod.euler.makeSampler(on: process.path, stepCount: 10)
    let steps = SamplingLoop(
      sampler, predictor, from: .randn(shape, generator: generator),
      noise: .perBatch(generator), networkBatchSize: labels.count)
    var results: [Tensor] = []
    while let step = try steps.next() {
      guard step.isLast else { continue }
      print("latents \(step.latents.shape) from seed 42")
      results.append(step.latents)
    }
    let pipeline = try LatentDiffusionPipeline(PipelineConfig(precision: .fp32))
    let expected = try pipeline.samplingLoop(
      labels: [2],
      options: SamplingOptions(
        sampler: .euler, stepCount: 10, guidance: Guidance(scale: 4, channels: .first(3))),
      generator: try pipeline.makeGenerator(seed: 42)
    ).run()
    #expect(relativeError(try #require(results.first), expected) < Tolerance.trajectory)
  }

  @Test func makesManyImages() throws {
    let pipeline = try LatentDiffusionPipeline(PipelineConfig())
    let classes = try LabelChoice(isDrawn: false)
      .labels(count: 4, classCount: pipeline.model.classCount, seed: 1)
    let plan = ImagePlan(labels: classes, batchSize: 2, imageSize: pipeline.imageSize, seed: 1)
    let job = try ImageJob(pipeline, plan, options: SamplingOptions(sampler: .euler, stepCount: 5))
    while let images = try job.next() {
      for image in images { print("image \(image.index) of class \(image.label)") }
    }
    #expect(job.doneCount == 4 && classes == [0, 1, 2, 3])
  }

  @Test func writesAndReadsACheckpoint() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/head.pt"
      let store = ParameterStore(.initialize(try Generator(seed: 1)))
      let layer = Linear(8, 4, at: store.root / "head")
      let names = store.names  // head.weight, head.bias
      try CheckpointWriter.write(
        names.compactMap { name in store[name].map { (name, $0) } }, as: .pytorch,
        metadata: ["made_by": "an example"], to: path)

      let checkpoint = try Checkpoint.open(path)
      let loaded = ParameterStore(.load(checkpoint.stateDict))
      let same = Linear(8, 4, at: loaded.root / "head")
      try loaded.verifyLoaded()
      print(same.weight.shape == layer.weight.shape)
      #expect(relativeError(same.weight, layer.weight) == 0)
    }
  }

  struct GatedMLP {
    let gate: Linear
    let mlp: MLP<Linear>

    init(_ width: Int, at scope: Scope) {
      gate = Linear(width, width, at: scope / "gate", weight: .zeros)
      mlp = MLP(width, hidden: 4 * width, at: scope / "mlp")
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + gate(x) * mlp(x) }
  }

  @Test func namesALayersParameters() throws {
    let store = ParameterStore(.initialize(try Generator(seed: 1)))
    let layer = GatedMLP(4, at: store.root / "blocks" / 3)
    #expect(store.names.first == "blocks.3.gate.weight")
    let x = Tensor.ones([2, 4])
    #expect(relativeError(layer(x), x) == 0)
  }

  @Test func trains() throws {
    try withTemporaryFolder { path in
      let images = path + "/images"
      for (number, name) in ["a", "b", "b"].enumerated() {
        try FileManager.default.createDirectory(
          atPath: images + "/" + name, withIntermediateDirectories: true)
        let image = RGBImage(
          width: 16, height: 16, pixels: Array(repeating: UInt8(80 * number), count: 768))
        try Data(image.png()).write(to: URL(filePath: "\(images)/\(name)/\(number).png"))
      }
      let (autoencoder, run) = (path + "/autoencoder.safetensors", path + "/run")
      try writeAutoencoder(to: autoencoder)

      var settings = TrainingSettings(
        data: .init(images, autoencoder: .checkpoint(autoencoder)), output: .init(run))
      settings.data.imageSize = 16
      (settings.model.hiddenSize, settings.model.depth) = (32, 2)
      (settings.model.headCount, settings.model.patchSize) = (2, 2)
      settings.recipe.batchSize = 2
      settings.length = .steps(3)
      let session = try TrainingSession(settings)
      while let report = try session.takeStep() {
        print("step \(report.step): loss \(report.loss)")
        #expect(report.loss.isFinite)
      }
      try session.finish()
      #expect(session.trainer.step == 3 && session.directory?.savedSteps.last == 3)

      settings.output.resumption = .newest
      settings.length = .steps(4)
      let json = try JSONEncoder().encode(settings)
      let resumed = try TrainingSession(JSONDecoder().decode(TrainingSettings.self, from: json))
      #expect(try resumed.takeStep()?.step == 4)
      #expect(try resumed.takeStep() == nil)
      try resumed.finish()
    }
  }

  /// Writes an autoencoder with random weights, which halves images.
  private func writeAutoencoder(to path: String) throws {
    let store = ParameterStore(.initialize(try Generator(seed: 1)))
    _ = TinyAutoencoder(
      TinyAutoencoderConfig(widths: [8, 16], latentChannelCount: 4, blockCount: 1), at: store.root)
    try CheckpointWriter.write(
      store.names.compactMap { name in store[name].map { (name, $0) } }, as: .safetensors, to: path)
  }

  /// Compiled alone: the files are published ones.
  func comparesPublishedFigures() throws {
    let samples = try FolderImages("samples")
    let network = try EvaluationNetwork(
      contentsOf: "pt_inception-2015-12-05-6726825d.pth", on: .cpu)
    let run = try EvaluationRun(
      samples: samples, reference: .archive(try ReferenceArchive("reference.npz")),
      network: network.network, networkDigest: network.digest)
    if let result = try run.run() {
      for metric in result.figures.metrics {
        print(metric.rawValue, result.figures[metric] ?? .nan)
      }
    }
    try run.removeFeatures()
  }

  @Test func comparesImages() throws {
    try withTemporaryFolder { folder in
      for (label, color) in [("blue", [0, 0, 200]), ("red", [200, 0, 0])] as [(String, [UInt8])] {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/data/\(label)", withIntermediateDirectories: true)
        for number in 0..<8 {
          let pixels = (0..<64).flatMap { _ in color.map { $0 + UInt8(number) } }
          try Data(RGBImage(width: 8, height: 8, pixels: pixels).png())
            .write(to: URL(filePath: "\(folder)/data/\(label)/\(number).png"))
        }
      }
      let judge = folder + "/judge.safetensors"
      _ = try Judge.of(
        ImageFolder(folder + "/data"), keptAt: judge, JudgeSettings(imageSize: 8))
      let samples = try FolderImages(folder + "/data")
      let network = try EvaluationNetwork(contentsOf: judge, on: .cpu)
      let run = try EvaluationRun(
        samples: samples, reference: .images(samples),
        network: network.network, networkDigest: network.digest, folder: folder + "/work")
      let result = try #require(try run.run())
      #expect(result.figures.metrics.contains(.fid))
      // A set against itself.
      #expect(abs(try #require(result.figures[.fid])) < 1e-6)
      #expect(result.figures[.precision] == 1 && result.figures[.recall] == 1)
      #expect(result.agreement == 1 && result.labels?.description.hasPrefix("equal, 8") == true)
      try run.removeFeatures()
    }
  }
}
