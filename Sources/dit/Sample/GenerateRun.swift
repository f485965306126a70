internal import Files
internal import Foundation
internal import Logging
internal import Parallel
internal import Pipeline
internal import Torch

/// One run of `dit generate` or `dit sample --npz`: a job of images, with progress.
struct GenerateRun {
  private let settings: SamplingSettings
  private let count: Int
  private let output: any ImageOutput
  private let classLabels: String?
  private let isDrawn: Bool?
  private let hasMetadata: Bool
  private let option: String
  private let replaces: Bool

  /// A run.
  ///
  /// - Parameters:
  ///   - settings: decide the images.
  ///   - count: images in all.
  ///   - output: where they go.
  ///   - classLabels: the classes to choose from; nil for all.
  ///   - isDrawn: whether to draw classes by the seed rather than take them in turn; nil to draw them
  ///     unless they are listed.
  ///   - hasMetadata: whether images tell how they were made.
  ///   - option: names the output, for messages.
  ///   - replaces: whether the output may be there already.
  init(
    _ settings: SamplingSettings, count: Int, output: any ImageOutput, classLabels: String?,
    isDrawn: Bool?, hasMetadata: Bool, option: String, replaces: Bool
  ) {
    self.settings = settings
    self.count = count
    self.output = output
    self.classLabels = classLabels
    self.isDrawn = isDrawn
    self.hasMetadata = hasMetadata
    self.option = option
    self.replaces = replaces
  }

  /// Runs in each process of the job.
  ///
  /// - Parameters:
  ///   - options: choose processor threads and notes.
  ///   - parallel: choose the processes.
  ///   - begin: called first in each process.
  /// - Throws: `UsageError`; what a job throws.
  func run(
    _ options: SamplingSettingsOptions, _ parallel: ParallelOptions,
    _ begin: (RankGroup?) throws -> Void
  ) throws {
    ProcessMemory.prepare()
    try options.execution.apply()
    // Outlives the processes of the job.
    var lock: FolderLock?
    defer { withExtendedLifetime(lock) {} }
    try parallel.run(useParallel: options.mindONE.useParallel) { ranks in
      if ranks.isRankZero { options.notes(settings).forEach(note) }
      try begin(ranks)
      try make(ranks) { lock = $0 }
    }
  }

  private func make(_ ranks: RankGroup?, keep: (FolderLock) -> Void) throws {
    try checkOutput(ranks)
    let named = try settings.pipeline.openDevice()
    let device = ranks?.localDevice(named) ?? named
    let free = MemoryWarning(device)
    let pipeline = try LatentDiffusionPipeline(
      settings.pipeline, on: device, logger: .notes(of: ranks))
    try pipeline.requireImages()
    let choice = try LabelChoice(classLabels, isDrawn: isDrawn, pipeline.classNames)
    let plan = try settings.plan(of: pipeline, count: count, labels: choice)
    if ranks.isRankZero {
      keep(
        try output.begin(plan, settings.fingerprint(of: pipeline, count: count, labels: choice)))
    }
    let job = try ImageJob(pipeline, plan, options: settings.options, ranks: ranks) {
      output.hasBatch($0, of: plan)
    }
    if ranks.isRankZero {
      note(summary(job, ranks))
      classLabels.map { pipeline.classNames.notes(on: $0).forEach(note) }
      SamplingSettingsOptions.emaNotes(pipeline).forEach(note)
      free?.line(
        sampling: pipeline, settings, batchSize: plan.batchSize,
        processCount: ranks?.localWorldSize ?? 1
      ).map(note)
    }
    let digests = hasMetadata ? WeightDigests(of: pipeline) : nil
    let texts = digests.map { ImageTexts(settings, pipeline, batchSize: plan.batchSize, $0) }
    do {
      try run(job, texts, ranks)
    } catch {
      if ranks.isRankZero { output.abandon(plan) }
      throw error
    }
    guard ranks.isRankZero else { return }
    digests.flatMap(SampleFiles.note).map(note)
    let hold = ranks?.hold()
    defer { hold?.release() }
    var report = SampleReport(settings, pipeline, batchSize: plan.batchSize, of: .generate)
    report.numSamples = count
    report.classLabels = choice.description
    try output.finish(plan, record: try report.text)
    try StandardOutput.write(output.path)
  }

  /// Checks that nothing is lost, before any work is done.
  private func checkOutput(_ ranks: RankGroup?) throws {
    let path = output.path
    guard !(output is ImageArchive) || !Folder.exists(path) else {
      throw UsageError("\(option) '\(path)': it is a folder; name a file")
    }
    guard !replaces else { return }
    let remedy = "choose another \(option), or allow it with --force"
    let isBegun = output.isBegun
    let record = output.recordPath
    if output.exists, !isBegun, Folder.hasFile(record) {
      let count = RecordOrigin.imageCount(in: record).map {
        ": it has its \(Amount.of($0, "image"))"
      }
      throw UsageError(
        "'\(path)' is complete\(count ?? ""); choose another \(option), or make it anew with --force"
      )
    }
    // Images of a folder that is begun are part of the job.
    guard !output.exists || output is NumberedImages && isBegun else {
      throw UsageError("'\(path)' would be overwritten; \(remedy)")
    }
    guard isBegun || !ranks.isRankZero || !FileManager.default.fileExists(atPath: record)
    else {
      throw UsageError("'\(record)', where the settings go, would be overwritten; \(remedy)")
    }
  }

  private func summary(_ job: ImageJob, _ ranks: RankGroup?) -> String {
    Amount.of(count, "image") + " of \(job.plan.imageSize) x \(job.plan.imageSize) pixels"
      + (job.countBefore > 0 ? ", of which \(job.countBefore) are there" : "")
      + (ranks.map { ", by \($0.worldSize) processes" } ?? "")
  }

  private func run(_ job: ImageJob, _ texts: ImageTexts?, _ ranks: RankGroup?) throws {
    let progress =
      ranks.isRankZero
      ? Progress("Sampling", count: count, from: job.countBefore, unit: "image") : nil
    defer { progress?.finish() }
    var shown = job.countBefore
    func check() throws {
      if job.doneCount != shown {
        shown = job.doneCount
        progress?.update(shown)
      }
      try RankGroup.checkStop(ranks)
    }
    do {
      while let images = try job.next(check: check) {
        try output.write(images, of: job.plan) { image in
          try texts?.texts(of: image.place, seed: job.plan.seed(of: image.index), check: check)
            ?? []
        }
      }
      progress?.update(job.doneCount)
    } catch let stop as Interrupted {
      if ranks.isRankZero { note("The same command goes on from here.") }
      throw stop
    }
  }
}
