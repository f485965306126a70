internal import Files
internal import ImageData
public import Logging
internal import Models
public import Parallel
public import Torch

/// A training run with its folder: opens what it needs, resumes, takes steps, saves checkpoints, and
/// draws sample grids.
///
/// The loop is the caller's:
///
/// ```swift
/// let session = try TrainingSession(settings)
/// while let report = try session.takeStep() {
///   print(report.step, report.loss)
/// }
/// try session.finish()
/// ```
public final class TrainingSession {
  /// Takes the steps.
  public let trainer: Trainer
  /// The run folder; nil for ranks that do not write.
  public let directory: RunDirectory?
  /// The device of the model.
  public let device: Device
  /// The recipe as the device allows it.
  public let recipe: TrainingConfig
  /// The training data in numbers.
  public let dataset: DatasetSummary
  /// Bytes of memory that were free before the model was made; nil if unknown.
  public let availableMemory: Int?

  let data: any TrainingData
  let plan: RunPlan
  let log: SessionLog
  let saver: CheckpointSaver
  let codec: LatentCodec
  private let samples: SampleWriter
  private let broken: BrokenImageList
  /// Makes what evaluations need; nil for a run without.
  let openEvaluation: (_ shouldStop: () -> Bool) throws -> RunEvaluation?
  var evaluation: RunEvaluation?
  private var lock: FolderLock?
  private var times = StepTimes()
  private var isStarted = false
  /// Whether a checkpoint is due after the next step that is not skipped.
  private var isSaveDue = false
  private var last: StepReport?

  /// The training data in numbers.
  public struct DatasetSummary: Sendable {
    /// Images, unreadable ones included.
    public var imageCount: Int
    /// The number of classes; at least that, if they have no names.
    public var classCount: Int
    /// Whether classes have names.
    public var hasClassNames: Bool
  }

  /// Opens all that a run needs; the first step starts or resumes it.
  ///
  /// - Parameters:
  ///   - settings: the run.
  ///   - ranks: the processes that share each step; nil for one process.
  ///   - logger: shows notes about data, model and settings.
  ///   - checking: called while the files of a latent cache are compared with its manifest, with the
  ///     number done and the number of all; may throw to stop.
  /// - Throws: `TrainingError`, `PipelineError`, `CheckpointError`, `ImageError`, `FileError`,
  ///   `TorchError`; `LaunchError` if a rank is lost; what `checking` throws.
  public convenience init(
    _ settings: TrainingSettings, ranks: RankGroup? = nil,
    logger: Logger = Logger(label: "training"),
    checking: (_ done: Int, _ count: Int) throws -> Void = { _, _ in }
  ) throws {
    try self.init(SessionParts(settings, ranks: ranks, logger: logger, checking: checking))
  }

  /// A session over parts that are open.
  ///
  /// - Throws: `FileError`, `inUse` if another process writes to the run folder.
  init(_ parts: SessionParts) throws {
    trainer = parts.trainer
    directory = parts.directory
    device = parts.device
    recipe = parts.recipe
    dataset = parts.dataset
    availableMemory = parts.availableMemory
    data = parts.data
    plan = parts.plan
    log = parts.log
    broken = parts.broken
    codec = parts.codec
    saver = CheckpointSaver(
      parts.directory, keepCount: parts.plan.options.keepCount, metadata: parts.plan.metadata)
    samples = SampleWriter(
      classes: parts.classesWithImages, codec: parts.codec,
      process: parts.trainer.model.process, device: parts.device)
    openEvaluation = { shouldStop in
      try parts.evaluation.map {
        try RunEvaluation(
          $0, classes: parts.classesWithImages, imageSize: parts.imageSize,
          folder: parts.directory?.path, device: parts.device, parallel: parts.trainer.parallel,
          note: parts.log.note, shouldStop: shouldStop)
      }
    }
    do {
      lock = try directory.map { try $0.lock() }
    } catch {
      directory?.removeUnused()
      throw error
    }
  }

  /// Leaves nothing of a run that was refused before its first step.
  deinit {
    guard !isStarted else { return }
    lock = nil
    directory?.removeUnused()
  }

  /// Starts the run, or resumes it as the settings say; the first step does so by itself.
  ///
  /// - Throws: `TrainingError` if there is no checkpoint to resume, or it is of another run;
  ///   `CheckpointError`, `FileError`; `LaunchError` if a rank is lost.
  public func start() throws {
    guard !isStarted else { return }
    let summary = try plan.resumption.map(resume)
    try log.open(try directory.map { try RunLog($0, after: trainer.step) }, first: summary)
    isStarted = true
  }

  /// Takes the next step, and saves and draws samples if due; nil after the last, and if `shouldStop`
  /// ends what evaluations need before the first.
  ///
  /// A skipped step is not saved: its weights may be beyond help, and would push out the checkpoints of
  /// before. The next step that is not skipped is.
  ///
  /// - Parameter shouldStop: asked in each step, so that all ranks learn whether one says yes, and
  ///   while samples are drawn, which are left out then. Before the first step it is asked while a judge
  ///   is trained and while features of the reference are made, of which finished batches are kept.
  /// - Returns: the numbers of the step; `shouldStop` in them asks the caller to finish.
  /// - Throws: what `start` throws; `TrainingError` if too many steps in a row were skipped;
  ///   `ImageError` if too many images cannot be read; `TorchError`, `LaunchError`, `FileError`.
  public func takeStep(shouldStop: () -> Bool = { false }) throws -> StepReport? {
    try start()
    guard trainer.step < trainer.stepCount, try prepareEvaluation(shouldStop: shouldStop) else {
      return nil
    }
    var report = try trainer.takeStep(shouldStop: shouldStop, beforeUpdate: saver.waitForCopy)
    last = report
    times.add(report)
    log.count(report)
    if times.stepCount == 1, case .failed(let reason) = trainer.recording {
      try log.note(
        "steps are computed one operation at a time, as recording failed: \(reason)")
    }
    if report.wasSkipped {
      try log.note("step \(report.step) dropped: loss or gradient is not finite")
    }
    let options = plan.options
    if report.step.isMultiple(of: options.logInterval) || report.wasSkipped {
      try log.write(
        report, isLast: report.step + options.logInterval > trainer.stepCount, epoch: epoch,
        imagesPerSecond: Double(trainer.globalBatchSize) / report.seconds)
    }
    if report.step.isMultiple(of: options.saveInterval) || report.step == trainer.stepCount {
      isSaveDue = true
    }
    if isSaveDue, !report.wasSkipped { try save() }
    if let interval = options.sampleInterval, report.step.isMultiple(of: interval),
      !report.shouldStop, try !drawSamples(shouldStop: shouldStop), trainer.parallel.count == 1
    {
      // Several ranks learn it in the next step.
      report.shouldStop = true
    }
    if !report.shouldStop, try !evaluate(shouldStop: shouldStop), trainer.parallel.count == 1 {
      report.shouldStop = true
    }
    try noteBrokenImages()
    return report
  }

  /// Passes over the data so far.
  public var epoch: Double {
    Double(trainer.sampleCount) / Double(max(data.epochLength, 1))
  }

  /// A sentence about how long the steps took, waited for data and were held up by saving, the peak
  /// memory of the device, and the number of unreadable images.
  public var timeSummary: String {
    times.summary(
      longestPause: saver.longestPause, device: device, brokenImageCount: data.brokenImageCount)
  }

  /// Adds a line to `log.txt`; once the run has started if it has not.
  ///
  /// - Throws: `FileError`.
  public func record(_ text: String) throws { try log.record(text) }

  /// Starts to save a checkpoint once the one before it is written; training can continue meanwhile. All
  /// ranks call it together.
  ///
  /// - Throws: `TorchError` if the state of random numbers cannot be read; `LaunchError` if a rank is
  ///   lost; `FileError`.
  public func save() throws { try save(beforeStep: trainer.step < trainer.stepCount) }

  /// Saves a checkpoint.
  ///
  /// - Parameter beforeStep: whether a step may follow, which changes the weights.
  /// - Throws: as `save()`.
  private func save(beforeStep: Bool) throws {
    try start()
    // The weights of a skipped step may be beyond help: whatever was saved before stays.
    let failure = try saver.save(
      trainer, fingerprint: plan.fingerprint, classNames: data.classNames,
      keepsAll: last?.wasSkipped == true, beforeStep: beforeStep)
    isSaveDue = false
    if let failure { try log.note(failure) }
    try noteLinkProblem()
  }

  private func noteLinkProblem() throws {
    if let problem = saver.takeLinkProblem() { try log.note(problem) }
  }

  /// Draws a grid of samples of the moving average into the run folder. All ranks call it together.
  ///
  /// - Parameter shouldStop: asked now and then.
  /// - Returns: false if `shouldStop` has ended it.
  /// - Throws: `TorchError`, `FileError`; `LaunchError` if a rank is lost.
  @discardableResult
  public func drawSamples(shouldStop: () -> Bool = { false }) throws -> Bool {
    let weights = try trainer.emaWeights()
    var isDone = true
    try trainer.parallel.draw(step: trainer.step) { mark in
      guard let directory else { return }
      isDone = try samples.write(
        trainer.model.dit.config, weights, step: trainer.step, to: directory, log
      ) {
        try mark()
        return shouldStop()
      }
    }
    return isDone
  }

  /// Saves what is new, waits until all is written, and lets go of the run folder, also if it throws.
  ///
  /// - Throws: `TrainingError` if the last steps are not worth saving, as the loss is not finite, or
  ///   the last checkpoint could not be written.
  public func finish() throws {
    defer {
      _ = saver.wait()
      lock = nil
    }
    if times.stepCount > 0 { try log.record(timeSummary) }
    var error: TrainingError?
    if let last, last.wasSkipped, !last.loss.isFinite {
      error = TrainingError(
        .notFinite,
        "not saved: the loss is not finite, and steps since"
          + " \(trainer.step - trainer.skippedInARow) were dropped")
    } else if trainer.step > saver.savedStep {
      try save(beforeStep: false)
    }
    let failure = saver.wait()
    try noteLinkProblem()
    if let failure { throw TrainingError("the last checkpoint could not be saved: \(failure)") }
    if let error { throw error }
  }

  /// Ends a run that an error has stopped: completes the checkpoint that was being saved, and lets go of
  /// the run folder. If an image has stopped a run of one process, the steps until then are saved too.
  ///
  /// - Returns: the step of the checkpoint that holds all steps; nil if there is none.
  public func stop(because error: any Error) -> Int? {
    defer { lock = nil }
    try? noteBrokenImages()
    let isWhole = error is ImageError && trainer.parallel.count == 1 && last?.wasSkipped == false
    do {
      try log.record("stopped at step \(trainer.step): \(error)")
      if isWhole, trainer.step > saver.savedStep { try save(beforeStep: false) }
    } catch {
      try? log.note("\(error)")
    }
    let failure = saver.wait()
    try? noteLinkProblem()
    if let failure {
      try? log.note("the last checkpoint could not be saved: \(failure)")
      return nil
    }
    return isWhole && saver.savedStep == trainer.step ? saver.savedStep : nil
  }

  private func noteBrokenImages() throws {
    for image in broken.takeAll() { try log.noteOfRank("\(image.reason); left out") }
  }
}
