internal import Checkpoint
internal import Diffusion
internal import Files
internal import Foundation
internal import ImageData
internal import Inference
internal import Logging
internal import Models
internal import Parallel
internal import Pipeline
internal import Torch

/// `dit sample --npz`: many images into one file, by one process or several.
///
/// Source of the format: the evaluation suite of Dhariwal & Nichol 2021.
struct BulkRun {
  private let command: SampleCommand
  private let path: String
  private let ranks: RankGroup?
  private let keep: (FolderLock) -> Void

  /// A run.
  ///
  /// - Parameters:
  ///   - command: its options.
  ///   - path: the file.
  ///   - ranks: who shares the work; nil for a process that is alone.
  ///   - keep: given the lock of the blocks, which is to outlive all processes of the job.
  init(
    _ command: SampleCommand, to path: String, _ ranks: RankGroup?,
    keep: @escaping (FolderLock) -> Void
  ) {
    self.command = command
    self.path = path
    self.ranks = ranks
    self.keep = keep
  }

  func run() throws {
    let isFirst = ranks.isRankZero
    guard !Folder.exists(path) else {
      throw UsageError("--npz '\(path)': it is a folder; name a file")
    }
    guard command.force || !Folder.hasFile(path) else {
      throw UsageError(
        "'\(path)' would be overwritten; choose another --npz, or allow it with --force")
    }
    let isBegun = Folder.exists(BulkPlan.folder(of: path))
    let record = BulkPlan.record(of: path)
    guard command.force || isBegun || !isFirst || !FileManager.default.fileExists(atPath: record)
    else {
      throw UsageError(
        "'\(record)', where the settings go, would be overwritten; choose another --npz, or allow it"
          + " with --force")
    }
    let config = try command.pipelineConfig()
    let named = try config.openDevice()
    let device = ranks?.localDevice(named) ?? named
    let free = MemoryWarning(device)
    let pipeline = try LatentDiffusionPipeline(config, on: device, logger: .notes(of: ranks))
    let labels = try command.classLabels.map { try pipeline.classNames.labels(from: $0) }
    let plan = try BulkPlan(
      path, count: command.numSamples, labels: labels, classCount: pipeline.model.classCount,
      blockSize: command.batchSize ?? SamplePlan.defaultBatchSize, imageSize: pipeline.imageSize,
      seed: command.seed)
    if isFirst {
      keep(try plan.prepare(try settings(pipeline, config, labels)))
    }
    let work = try BulkWork(plan, ranks)
    if isFirst {
      note(work.summary)
      command.memoryWarning(
        free, pipeline, batchSize: plan.blockSize, processCount: ranks?.localWorldSize ?? 1
      ).map(note)
    }
    do {
      try make(work, plan, pipeline)
    } catch let stop as Interrupted {
      if isFirst { note("The same command goes on from here.") }
      throw stop
    }
    guard isFirst else { return }
    var report = SampleReport(command, pipeline, config, batchSize: plan.blockSize)
    report.numSamples = plan.labels.count
    report.classLabels = BulkRun.text(labels)
    try finish(plan, report)
    print(path)
  }

  /// The classes that images take in turn.
  private static func text(_ labels: [Int]?) -> String {
    labels.map { $0.map(String.init).joined(separator: ",") } ?? "random"
  }

  /// What decides the pixels.
  private func settings(
    _ pipeline: LatentDiffusionPipeline, _ config: PipelineConfig, _ labels: [Int]?
  ) throws -> [String: String] {
    let options = command.samplingOptions
    let autoencoder =
      switch config.chosenAutoencoder {
      case .file(let path): try FileStamp.text(of: path)
      case .embedded: EmbeddedModel.stamp
      case .automatic, .none: "none"
      }
    return [
      "dit_checkpoint": try config.ditCheckpoint.map(FileStamp.text) ?? EmbeddedModel.stamp,
      "vae_checkpoint": autoencoder,
      "num_samples": "\(command.numSamples)",
      "class_labels": BulkRun.text(labels),
      "batch_size": "\(command.batchSize ?? SamplePlan.defaultBatchSize)",
      "image_size": "\(pipeline.imageSize)", "seed": "\(command.seed)",
      "sampler": options.sampler.name,
      "sampling_steps": options.stepCount.map(String.init) ?? "adaptive",
      "eta": "\(options.samplerOptions.eta)", "guidance_scale": "\(options.guidance.scale)",
      "cfg_channels": command.cfgChannels.defaultValueDescription,
      "sd_scale_factor": "\(pipeline.scaleFactor)", "precision": pipeline.precision.name,
      "int8_fc2": pipeline.precision.secondLayerName ?? "none",
      "int8_emulated": "\(pipeline.precision.isEmulated)", "mode": config.mode.rawValue,
      // Generators of other devices give other noise.
      "device": pipeline.device.type, "tf32": "\(config.allowsTF32)",
    ]
  }

  private func make(
    _ work: BulkWork, _ plan: BulkPlan, _ pipeline: LatentDiffusionPipeline
  ) throws {
    defer { work.progress?.finish() }
    while let block = try work.next() {
      try ranks?.enter(.sample, step: block + 1)
      let images = plan.images(of: block)
      let generators = try images.map { try pipeline.makeGenerator(seed: plan.seed(of: $0)) }
      var latents: Tensor?
      let steps = try pipeline.samplingLoop(
        labels: images.map { plan.labels[$0] }, options: command.samplingOptions,
        noise: .perSample(generators))
      while let step = try steps.next() {
        latents = step.latents
        try RankGroup.checkStop(ranks)
      }
      guard let latents else { continue }
      let pixels = try pipeline.decode(latents) { try RankGroup.checkStop(ranks) }
        .flatMap(\.pixels)
      try pixels.withUnsafeBytes {
        try AtomicFile.write(contentsOf: $0, to: plan.file(of: block))
      }
      try work.finished(images.count)
    }
    while try !work.isDone() {
      try RankGroup.checkStop(ranks)
      usleep(200_000)
    }
  }

  /// Joins the blocks, writes beside them how they were made, and removes them.
  private func finish(_ plan: BulkPlan, _ report: SampleReport) throws {
    let hold = ranks?.hold()
    defer { hold?.release() }
    let size = plan.imageSize
    try NumPyArchive.write(
      [
        .init(
          "arr_0", shape: [plan.labels.count, size, size, 3],
          files: (0..<plan.blockCount).map { plan.file(of: $0) }),
        .init("arr_1", plan.labels.map { Int64($0) }),
      ], to: plan.joinedFile)
    // First: after a kill between the two the same command goes on.
    try AtomicFile.write(try report.text, to: BulkPlan.record(of: path))
    try AtomicFile.move(plan.joinedFile, to: path)
    try Folder.remove(plan.folder)
  }
}

/// Gives out the blocks that are missing, each to one process.
private final class BulkWork {
  /// How far all processes have come together; nil but for the first.
  let progress: Progress?

  private let plan: BulkPlan
  private let ranks: RankGroup?
  private let before: Int
  /// By number, 1 for a block that was there when the work began.
  private let done: [UInt8]
  private var nextBlock = 0
  private var madeCount = 0

  init(_ plan: BulkPlan, _ ranks: RankGroup?) throws {
    self.plan = plan
    self.ranks = ranks
    // The first process looks, for all: another machine may see files later.
    let isFirst = ranks.isRankZero
    let found = isFirst ? (0..<plan.blockCount).map { plan.isDone($0) ? 1 : 0 as UInt8 } : []
    let done = try ranks?.broadcast(found) ?? found
    self.done = done
    before = done.indices.filter { done[$0] == 1 }.reduce(0) { $0 + plan.images(of: $1).count }
    progress =
      isFirst
      ? Progress("Sampling", count: plan.labels.count, from: before, unit: "image") : nil
  }

  /// What is to be done.
  var summary: String {
    Amount.of(plan.labels.count, "image") + " of \(plan.imageSize) x \(plan.imageSize) pixels"
      + (before > 0 ? ", of which \(before) are there" : "")
      + (ranks.map { ", by \($0.worldSize) processes" } ?? "")
  }

  /// The next block for this process; nil if there is none.
  func next() throws -> Int? {
    while true {
      let block: Int
      if let ranks {
        block = try ranks.attributingErrors { try ranks.store.add(1, to: "next") } - 1
      } else {
        block = nextBlock
        nextBlock += 1
      }
      guard block < plan.blockCount else { return nil }
      if done[block] == 0 { return block }
    }
  }

  /// Counts images that this process has made.
  func finished(_ count: Int) throws {
    madeCount += count
    if let ranks {
      madeCount = try ranks.attributingErrors { try ranks.store.add(count, to: "made") }
    }
    progress?.update(before + madeCount)
  }

  /// Whether all blocks are there; other processes may still work.
  func isDone() throws -> Bool {
    if let ranks { madeCount = try ranks.attributingErrors { try ranks.store.add(0, to: "made") } }
    progress?.update(before + madeCount)
    return before + madeCount >= plan.labels.count
  }
}
