internal import Evaluation
internal import Files
internal import Foundation
internal import ImageData
internal import Parallel
internal import Pipeline
internal import Torch

/// One run of `dit evaluate`, with progress.
struct EvaluateRun {
  let settings: SamplingSettings
  let samples: String?
  let count: Int?
  let classLabels: String?
  let isDrawn: Bool?
  let reference: String
  let features: String
  let metrics: [Metric]?
  let suiteFloat16: Bool
  let workPath: String?
  let savedReference: String?
  let report: String?
  let printsJSON: Bool

  /// Runs in each process of the evaluation.
  ///
  /// - Parameter ranks: the processes; nil if this one is alone.
  /// - Throws: `UsageError`; what an evaluation throws.
  func run(_ ranks: RankGroup?) throws {
    let named = try settings.pipeline.openDevice()
    let device = ranks?.localDevice(named) ?? named
    let sampled = try sampled(device, ranks)
    let source =
      try samples.map { try images(at: $0) as any EvaluatedImages } ?? sampled?.images
    let square = source.flatMap { $0.height == $0.width ? $0.width : nil }
    let size = source == nil ? settings.pipeline.imageSize : square
    let reference = try openReference(size: size, ranks)
    var options = FigureOptions()
    options.precisionRecall.suiteFloat16 = suiteFloat16
    if features == EvaluationNetwork.judgeName {
      try reference.checkForJudge(of: source, metrics ?? [.kid], options)
    }
    let network = try openNetwork(reference, size: size, device, ranks)
    var outputs: EvaluationRun.Outputs = savedReference == nil ? [] : .reference
    if report != nil { outputs.insert(.report) }
    let run = try EvaluationRun(
      samples: source, reference: reference, network: network.network,
      networkDigest: network.digest, metrics: metrics ?? network.usualMetrics,
      options: options, outputs: outputs, folder: workPath, ranks: ranks)
    let result = try makeFigures(run, ranks)
    guard ranks.isRankZero else { return }
    let hold = ranks?.hold()
    defer { hold?.release() }
    try finish(run, result, network, sampled?.settings)
  }

  /// The samples of a path.
  private func images(at path: String) throws -> any EvaluatedImages {
    let isFolder = Folder.exists(path)
    let output: any ImageOutput = isFolder ? NumberedImages(path) : ImageArchive(path)
    guard !output.isBegun else {
      throw EvaluationError(
        .incompleteSamples, "'\(path)' is not complete: the job that makes it has not ended")
    }
    return isFolder
      ? try FolderImages(path, imageSize: settings.pipeline.imageSize) : try ArchivedImages(path)
  }

  /// Images that a model makes, and how; nil if none are asked for.
  private func sampled(
    _ device: Device, _ ranks: RankGroup?
  ) throws -> (images: SampledImages, settings: SamplingSettings)? {
    guard let count else { return nil }
    let pipeline = try LatentDiffusionPipeline(
      settings.pipeline, on: device, logger: .notes(of: ranks))
    let choice = try LabelChoice(classLabels, isDrawn: isDrawn, pipeline.classNames)
    let images = try SampledImages(
      pipeline, try settings.plan(of: pipeline, count: count, labels: choice),
      options: settings.options,
      name: settings.pipeline.ditCheckpoint ?? EmbeddedModel.name,
      fingerprint: try settings.fingerprint(of: pipeline, count: count, labels: choice))
    return (images, settings.settled(for: pipeline))
  }

  /// The reference; images of a folder are cropped to the size of the samples.
  private func openReference(size: Int?, _ ranks: RankGroup?) throws -> EvaluationReference {
    let opened = try EvaluationReference(contentsOf: reference, imageSize: size)
    if ranks.isRankZero { opened.folder?.files.finding.map { note("\($0)") } }
    return opened
  }

  /// The network of `--features`; rank 0 trains a judge, the others wait for its file.
  private func openNetwork(
    _ reference: EvaluationReference, size: Int?, _ device: Device, _ ranks: RankGroup?
  ) throws -> EvaluationNetwork {
    guard features == EvaluationNetwork.judgeName else {
      return try EvaluationNetwork(contentsOf: features, on: device)
    }
    guard let images = reference.folder else {
      let path = EvaluateRun.judge(beside: self.reference)
      guard Folder.hasFile(path) else {
        throw UsageError(
          "--features self trains a judge on a folder of images in class folders; '\(self.reference)' is a file"
            + ", and '\(path)' is not there: make it with --reference FOLDER --features self --save-reference"
        )
      }
      return try EvaluationNetwork(contentsOf: path, on: device)
    }
    let path =
      try savedReference.map(EvaluateRun.judge(beside:))
      ?? EvaluationRun.judgePath(of: images, in: workPath)
    func open() throws -> EvaluationNetwork {
      var progress: Progress?
      defer { progress?.finish() }
      return try EvaluationNetwork(
        judgeOf: try ImageFolder(self.reference), keptAt: path,
        JudgeSettings(
          imageSize: size ?? images.width, sampleCount: JudgeSettings.sampleCountOfTests)
      ) { event in
        guard case .training(let step, let count, let loss) = event else { return }
        if progress == nil { progress = Progress("Training the judge", count: count) }
        progress?.update(step, detail: String(format: "loss %.3f", loss))
      } check: {
        try RankGroup.checkStop(ranks)
      }
    }
    guard let ranks else { return try open() }
    var opened: EvaluationNetwork?
    try ranks.onRankZero(.draw, step: 0) { mark in
      try mark()
      opened = try open()
    }
    // The file of rank 0, which others may not see.
    let bytes = try ranks.broadcast(opened == nil ? [] : try EvaluationNetwork.bytes(of: path))
    return try opened ?? EvaluationNetwork(judge: bytes)
  }

  /// The judge of a reference's file.
  private static func judge(beside reference: String) -> String {
    (reference.hasSuffix(".npz") ? String(reference.dropLast(".npz".count)) : reference)
      + ".judge.safetensors"
  }

  private func makeFigures(_ run: EvaluationRun, _ ranks: RankGroup?) throws -> EvaluationResult? {
    var progress: Progress?
    var leftOutCount = 0
    func show(_ event: EvaluationRun.Event) {
      guard ranks.isRankZero else { return }
      switch event {
      case .begins(let part, let imageCount, let before):
        progress?.finish()
        let title = part == .reference ? "Reference" : count == nil ? "Samples" : "Sampling"
        progress = Progress(title, count: imageCount, from: before, unit: "image")
      case .advances(_, let done): progress?.update(done)
      case .leftOut(let part, let image):
        leftOutCount += 1
        if leftOutCount <= 10 { note("Left out of the \(part): \(image.name): \(image.reason)") }
      case .removes(let path): note("Removed features of an evaluation that never went on: \(path)")
      case .compares:
        progress?.finish()
        note("Comparing")
      }
    }
    defer { progress?.finish() }
    do {
      return try run.run(onEvent: show) { try RankGroup.checkStop(ranks) }
    } catch let stop as Interrupted {
      if ranks.isRankZero {
        note("The same command goes on from here; features are in \(run.folder).")
      }
      throw stop
    }
  }

  /// Shows the figures, writes what was asked for, then removes the features.
  private func finish(
    _ run: EvaluationRun, _ result: EvaluationResult?, _ network: EvaluationNetwork,
    _ sampling: SamplingSettings?
  ) throws {
    for (name, count) in try run.enlargedCounts() {
      note("\(Amount.of(count, "image")) of '\(name)' were smaller than the others, and enlarged")
    }
    if let result {
      let figures = EvaluationReport(
        result, run, network, settings: sampling)
      figures.notes.forEach(note)
      try StandardOutput.write(printsJSON ? figures.json : figures.table)
      if count != nil { try record(figures) }
      if let report {
        try run.writeReport(
          to: report, result, rows: figures.rows, notes: figures.notes, check: Interrupt.check)
        note("The page is \(report)/index.html")
      }
    }
    if let savedReference { try run.saveReference(to: savedReference, check: Interrupt.check) }
    try run.removeFeatures()
  }

  /// Adds the figures to the run whose model made the samples.
  private func record(_ figures: EvaluationReport) throws {
    guard let checkpoint = settings.pipeline.ditCheckpoint,
      let path = RunFolderLayout.evaluations(of: checkpoint)
    else { return }
    try AppendedFile(path).append(Array((figures.json + "\n").utf8))
    note("The figures are added to \(path)")
  }
}
