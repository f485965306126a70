internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import Parallel
public import Torch

/// A training run with its folder: steps, metrics, checkpoints, pictures.
public final class TrainingRun {
  /// The name of the images of a step in the fingerprint of a run; a job with another number of ranks may
  /// have another.
  public static let batchKey = "global_batch_size"

  /// Takes the steps.
  public let trainer: Trainer
  /// The folder; nil for ranks that do not write.
  public let directory: RunDirectory?

  private let data: any TrainingData
  private let codec: LatentCodec
  private let options: RunOptions
  private let fingerprint: [String: String]
  private let device: Device
  private let sampleLimit: Int?
  private var log: RunLog?
  private let lock: FolderLock?
  private let writer = CheckpointSaver()
  private var savedStep = 0
  /// Whether a save waits for a step that is not dropped.
  private var isSaveDue = false
  private var last: StepReport?
  private var time = (stepCount: 0, seconds: 0.0, waitSeconds: 0.0)
  /// How long the last save held training up, and the longest that one did.
  private var pause = (last: 0.0, longest: 0.0)

  /// A run in a folder.
  ///
  /// - Parameters:
  ///   - trainer: at its beginning.
  ///   - data: what it trains on.
  ///   - codec: pixels to latents.
  ///   - directory: where files go; nil for ranks that do not write.
  ///   - options: when.
  ///   - fingerprint: what the run is made of, by option; a resumed run must agree.
  ///   - device: where it computes.
  ///   - sampleLimit: rows after which the run ends, for one that is resumed with other batches; nil if
  ///     it ends after a number of steps.
  /// - Throws: `TrainingError` if another process writes to the folder; `FileError` if this one cannot.
  public init(
    _ trainer: Trainer, data: any TrainingData, codec: LatentCodec, directory: RunDirectory?,
    options: RunOptions, fingerprint: [String: String], device: Device, sampleLimit: Int? = nil
  ) throws {
    self.trainer = trainer
    self.data = data
    self.codec = codec
    self.directory = directory
    self.options = options
    self.fingerprint = fingerprint
    self.device = device
    self.sampleLimit = sampleLimit
    lock = try directory.map { try $0.lock() }
  }

  /// Opens the run's log at the step that it goes on from; before the first step and after `resume`.
  ///
  /// - Throws: `FileError` if the folder cannot be written to.
  public func begin() throws {
    log = try directory.map { try RunLog($0, after: trainer.step) }
  }

  /// Goes on from the newest checkpoint that can be read, or from the one given; rank 0 reads it.
  ///
  /// - Parameter path: a checkpoint's folder; the run's own newest if nil.
  /// - Returns: what happened, for the user's eyes.
  /// - Throws: `TrainingError` if there is none that serves, or it is of another run.
  public func resume(from path: String? = nil) throws -> String {
    var (found, failures): (Found?, [String]) = (nil, [])
    if trainer.parallel.isWriter { (found, failures) = try find(path) }
    let bytes = try found.map { Array(try JSONEncoder().encode($0.state)) }
    let state = try JSONDecoder().decode(
      TrainingCheckpoint.State.self, from: Data(trainer.parallel.send(bytes ?? [])))
    try TrainingCheckpoint.restore(found?.content, to: trainer.subject)
    try trainer.restore(state.trainer, sampleCount: state.sampleCount, sampleLimit: sampleLimit)
    try data.seek(sampleCount: state.sampleCount)
    savedStep = trainer.step
    var text = "resumed at step \(trainer.step)"
    if let failure = failures.first { text += " (not from a newer one: \(failure))" }
    let (before, now) = (state.fingerprint[TrainingRun.batchKey], fingerprint[TrainingRun.batchKey])
    if before != now {
      text += "; \(before ?? "some") images a step before, \(now ?? "some") now"
    }
    let aside = try directory?.setAside(after: trainer.step) ?? []
    if !aside.isEmpty {
      text += "; set aside: \(aside.joined(separator: ", ")), now 'set-aside-...'"
    }
    try begin()
    try note(text + (found.map { ", from '\($0.path)'" } ?? ""))
    return text
  }

  private struct Found {
    let path: String
    let state: TrainingCheckpoint.State
    let content: TrainingCheckpoint.Content
  }

  private func find(_ path: String?) throws -> (Found?, [String]) {
    let candidates =
      path.map { [TrainingCheckpoint($0)] }
      ?? directory.map { RunDirectory.savedCheckpoints(of: $0.path) } ?? []
    var failures: [String] = []
    for checkpoint in candidates {
      do {
        let state = try checkpoint.state()
        try check(state, checkpoint.path)
        let content = try checkpoint.content(for: trainer.subject)
        return (Found(path: checkpoint.path, state: state, content: content), failures)
      } catch let error as FingerprintError {
        throw TrainingError(error.message)
      } catch {
        failures.append("\(error)")
      }
    }
    guard let first = failures.first else {
      throw TrainingError(
        "no checkpoint to resume from in '\(directory?.path ?? "")/checkpoints'; start without"
          + " --resume")
    }
    throw TrainingError("no checkpoint can be read: \(first)")
  }

  private struct FingerprintError: Error { let message: String }

  private func check(_ state: TrainingCheckpoint.State, _ path: String) throws {
    // Another number of ranks may make other batches.
    let isSameJob = state.rankCount ?? 1 == trainer.parallel.count
    if let list = state.difference(
      from: fingerprint, except: isSameJob ? [] : [TrainingRun.batchKey])
    {
      throw FingerprintError(message: "'\(path)' is of another run: \(list)")
    }
  }

  /// Takes the next step and does what is due after it; nil after the last.
  ///
  /// A step that is dropped is not saved: its weights may be beyond help, and would push out the
  /// checkpoints of before. The next that is not dropped is.
  ///
  /// - Parameter shouldStop: asked in each step, so that all ranks learn whether one says yes, and
  ///   while samples are drawn, which are left out then.
  /// - Returns: what the step did, and warnings for the user's eyes.
  /// - Throws: what the step throws; `FileError` if metrics cannot be written.
  public func takeStep(
    shouldStop: () -> Bool = { false }
  ) throws -> (report: StepReport, warnings: [String])? {
    guard trainer.step < trainer.stepCount else { return nil }
    var warnings: [String] = []
    var report = try trainer.takeStep(shouldStop: shouldStop, beforeUpdate: waitForCopy)
    last = report
    time.stepCount += 1
    if time.stepCount == 1, case .failed(let reason) = trainer.recording {
      warnings.append("steps are computed one operation at a time, as recording failed: \(reason)")
    }
    time.seconds += report.seconds
    time.waitSeconds += report.waitSeconds
    if report.wasSkipped {
      warnings.append("step \(report.step) dropped: loss or gradient is not finite")
    }
    if report.step.isMultiple(of: options.logInterval) || report.wasSkipped {
      try log?.write(
        report, epoch: epoch, imagesPerSecond: Double(trainer.globalBatchSize) / report.seconds)
    }
    if report.step.isMultiple(of: options.saveInterval) || report.step == trainer.stepCount {
      isSaveDue = true
    }
    if isSaveDue, !report.wasSkipped, let warning = try save() { warnings.append(warning) }
    if let interval = options.sampleInterval, report.step.isMultiple(of: interval),
      !report.shouldStop, try !writeSamples(shouldStop: shouldStop), trainer.parallel.count == 1
    {
      // Several ranks learn it in the next step.
      report.shouldStop = true
    }
    for warning in warnings { try note(warning) }
    return (report, warnings)
  }

  /// Epochs done so far.
  public var epoch: Double {
    Double(trainer.sampleCount) / Double(max(data.epochLength, 1))
  }

  /// How long the steps took so far, how long they waited for data, the longest pause for a checkpoint,
  /// and how many images could not be read.
  public var timeSummary: String {
    let share = 100 * time.waitSeconds / max(time.seconds, .leastNonzeroMagnitude)
    var text = String(
      format: "%d step%@ in %.1f s, of which %.2f s (%.1f %%) waited for data", time.stepCount,
      time.stepCount == 1 ? "" : "s", time.seconds, time.waitSeconds, share)
    if pause.longest > 0 {
      text += String(format: "; saving held it up by %.2f s at most", pause.longest)
    }
    if let peak = device.peakMemory() {
      text += String(format: "; at most %.1f GB on %@", Double(peak) / 1e9, device.description)
    }
    if data.brokenImageCount > 0 {
      text += "; images that could not be read: \(data.brokenImageCount)"
    }
    return text
  }

  /// Adds a line to the run's log, once it is open.
  ///
  /// - Throws: `FileError`.
  public func note(_ text: String) throws { try log?.write(text) }

  /// Starts to save a checkpoint, once the one before it is written; training can go on meanwhile.
  /// All ranks call it together.
  ///
  /// - Returns: why the save before failed; nil if it did not.
  /// - Throws: `TorchError` if the state of random numbers cannot be read; `LaunchError` if a rank is
  ///   lost.
  public func save() throws -> String? {
    pause.last = 0
    return try pausing { try startSaving() }
  }

  private func startSaving() throws -> String? {
    let step = trainer.step
    try trainer.parallel.enter(.save, step: step)
    let metadata = [
      "class_names": ClassNameList.encode(data.classNames),
      "num_heads": String(trainer.model.dit.config.headCount),
      "step": String(step),
    ]
    let state = TrainingCheckpoint.State(
      trainer: try trainer.state(), sampleCount: trainer.sampleCount, fingerprint: fingerprint,
      rankCount: trainer.parallel.count)
    // Two copies at a time would need twice the memory.
    let failure = writer.wait().map { "a checkpoint could not be saved: \($0)" }
    let snapshot = try TrainingCheckpoint.snapshot(trainer, state: state, metadata: metadata)
    // The weights of a dropped step may be beyond help: whatever was saved before stays.
    let keepCount = last?.wasSkipped == true ? Int.max : options.keepCount
    savedStep = step
    isSaveDue = false
    guard let snapshot, let directory else { return failure }
    let hold = trainer.parallel.hold()
    writer.write(snapshot, to: directory.checkpoint(at: step), holding: hold) {
      try directory.publish(step: step, keeping: keepCount)
    }
    return failure
  }

  private func waitForCopy() { pausing { writer.waitForCopy() } }

  /// Counts how long something takes as a pause for the last save.
  private func pausing<Result>(_ body: () throws -> Result) rethrows -> Result {
    let clock = ContinuousClock()
    let started = clock.now
    defer {
      pause.last += started.duration(to: clock.now).inSeconds
      pause.longest = max(pause.longest, pause.last)
    }
    return try body()
  }

  /// Saves if there is anything new, and waits until all is written.
  ///
  /// - Returns: why the last steps are not worth saving; nil if they are, or there are none.
  /// - Throws: `TrainingError` if the last checkpoint could not be written.
  public func finish() throws -> String? {
    defer { _ = writer.wait() }
    if time.stepCount > 0 { try note(timeSummary) }
    var (earlier, reason): (String?, String?)
    if let last, last.wasSkipped, !last.loss.isFinite {
      reason =
        "not saved: the loss is not finite, and steps since \(trainer.step - trainer.skippedInARow)"
        + " were dropped; " + Trainer.remedy
    } else if trainer.step > savedStep {
      earlier = try save()
    }
    if let failure = writer.wait() {
      throw TrainingError("the last checkpoint could not be saved: \(failure)")
    }
    if let earlier { try note(earlier) }
    return reason
  }

  /// Ends a run that an error has stopped: keeps what was being saved, and where it was an image that
  /// stopped a run of one process, the steps until then.
  ///
  /// - Returns: what came of it, for the user's eyes.
  public func stop(because error: any Error) -> [String] {
    var lines: [String] = []
    let isWhole = error is ImageError && trainer.parallel.count == 1 && last?.wasSkipped == false
    do {
      try note("stopped at step \(trainer.step): \(error)")
      if isWhole, trainer.step > savedStep, let earlier = try save() { lines.append(earlier) }
    } catch {
      lines.append("\(error)")
    }
    if let failure = writer.wait() {
      lines.append("the last checkpoint could not be saved: \(failure)")
    } else if isWhole, savedStep == trainer.step {
      lines.append("Saved step \(savedStep); --resume goes on from there.")
    }
    for line in lines { try? note(line) }
    return lines
  }

  /// False if a request to stop has ended it.
  private func writeSamples(shouldStop: () -> Bool) throws -> Bool {
    let weights = try trainer.emaWeights()
    var isDone = true
    try trainer.parallel.draw(step: trainer.step) { mark in
      guard let directory, let log else { return }
      do {
        try writeSamples(weights, to: directory, log) {
          try mark()
          if shouldStop() { throw Stopped() }
        }
      } catch is Stopped {
        isDone = false
      }
    }
    return isDone
  }

  private struct Stopped: Error {}

  private func writeSamples(
    _ weights: [String: Tensor], to directory: RunDirectory, _ log: RunLog, mark: () throws -> Void
  ) throws {
    let count = data.classNames.count
    let shown = min(count, 16)
    let grid = try SampleGrid(labels: (0..<shown).map { $0 * count / shown }).sample(
      trainer.model.dit.config, weights, codec: codec, device: device, mark: mark)
    let png = try grid.png()
    let name = String(format: "/samples/step-%06d.png", trainer.step)
    try png.withUnsafeBytes {
      try AtomicFile.write(contentsOf: $0, to: directory.path + name)
    }
    try log.write(
      png: png, width: grid.width, height: grid.height, name: "samples", step: trainer.step)
  }
}
