internal import ArgumentParser
internal import Files
internal import Diffusion
internal import Foundation
internal import Parallel
internal import Torch
internal import Training

/// `dit train`
struct TrainCommand: ResumableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train or finetune on a folder of images.",
    discussion: """
      The folder has a subfolder for each class. With --dit-checkpoint, training starts from the \
      weights of a checkpoint.

        dit train --data-path imagenet/train \\
          --vae-checkpoint sd-vae-ft-mse.safetensors \\
          --model-name DiT-B/4 --train-batch-size 32 --output-path runs/b4
        dit train --data-path emoji --vae-checkpoint none --image-size 64 \\
          --hidden-size 256 --depth 8 --num-heads 4 --patch-size 8 \\
          --max-steps 20000 --output-path runs/emoji
        dit train -c configs/training/emoji.yaml --data-path emoji --resume
        dit sample --dit-checkpoint runs/b4 --vae-checkpoint ...

      Ctrl-C and SIGTERM save a checkpoint and stop after the current step. --resume continues from \
      there, to the last bit:

        dit train --output-path runs/b4 --resume

      Several processes share each step, --train-batch-size images each:

        dit train --workers 2 ...
        mpirun -n 4 dit train --use-parallel ...
        torchrun --nproc-per-node 4 --no-python dit train ...
        srun -n 4 dit train ...
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.", completion: .file()) var config:
    String?
  @OptionGroup(title: "Data") var data: TrainDataOptions
  @OptionGroup(title: "Model") var model: TrainModelOptions
  @OptionGroup(title: "Recipe") var recipe: TrainRecipeOptions
  @OptionGroup(title: "Average velocities") var meanFlow: TrainMeanFlowOptions
  @OptionGroup(title: "Output") var output: TrainOutputOptions
  @OptionGroup(title: "Execution") var format: TrainingFormat
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @OptionGroup(title: "Several processes") var parallel: ParallelOptions
  @OptionGroup var mindONE: MindONEOptions
  @OptionGroup var mindONETraining: MindONETrainingOptions

  func run() throws {
    try recipe.checkTogether()
    try meanFlow.check(recipe.objective)
    let settings = try settings()
    ProcessMemory.prepare()
    try execution.apply()
    try parallel.run(useParallel: mindONE.useParallel) { try train(settings, $0) }
  }

  /// Notes on options that have no effect, or one that is easily overlooked.
  private var notes: [String] {
    settingsNotes(CommandLine.arguments) + mindONE.notes + mindONETraining.notes
      + MindONEOptions.notes([("embed_dim", model.embedDim != nil)])
      + recipe.notes + idleFlags
  }

  /// Notes on flags that other options disable. Configuration files hold such keys as a matter of
  /// course.
  private var idleFlags: [String] {
    let given = Arguments.names(in: CommandLine.arguments)
    let isConstant = recipe.scheduler == .constant
    let reasons: [(name: String, isIdle: Bool, reason: String)] = [
      ("dit-checkpoint", isResumed, "with --resume, which has the run's own weights"),
      (
        "no-ema", model.ditCheckpoint == nil && model.pretrainedModelPath == nil,
        "without --dit-checkpoint; --use-ema false trains without an EMA"
      ),
      ("recompute-every", !recipe.useRecompute, "without --use-recompute"),
      ("max-grad-norm", !recipe.clipGrad, "without --clip-grad"),
      ("ema-decay", !recipe.useEma, "with --use-ema false"),
      ("ema-warmup", !recipe.useEma, "with --use-ema false"),
      ("epochs", recipe.maxSteps != nil, "with --max-steps"),
      ("end-learning-rate", isConstant, "with the constant --scheduler"),
      ("decay-steps", isConstant, "with the constant --scheduler"),
    ]
    return reasons.filter { $0.isIdle && given.contains($0.name) }.map {
      "--\($0.name) changes nothing \($0.reason)"
    }
  }

  /// Whether there is a checkpoint to resume from.
  private var isResumed: Bool {
    guard let resume = output.resume else { return false }
    return resume.checkpoint != nil
      || output.outputPath.map { !RunDirectory.savedCheckpoints(of: $0).isEmpty } == true
  }

  static func runFolder(_ values: [String: String]) -> String? {
    if let folder = values["output-path"] { return folder }
    // With data and no output it is the beginning of another run.
    guard values["data-path"] == nil, let path = values["resume"] else { return nil }
    let checkpoints = Folder.parent(of: Folder.withoutTrailingSlashes(path))
    return [path, Folder.parent(of: checkpoints)].first {
      Folder.hasFile($0 + "/" + settingsName)
    }
  }

  /// The run may have moved since, or been named from another folder.
  static func options(of folder: String, _ values: [String: String]) -> [(String, String)] {
    values["output-path"] == nil ? [("output-path", folder)] : []
  }

  private func train(_ settings: TrainingSettings, _ ranks: RankGroup?) throws {
    // One rank speaks for all.
    let isFirst = ranks.isRankZero
    if isFirst { notes.forEach(note) }
    try ranks?.agree(on: self)
    let session = try open(settings, ranks)
    let summary = TrainSummary(session, choosesWarmup: settings.recipe.emaWarmsUp == nil)
    let lines =
      summary.lines + summary.warnings(processCount: ranks?.localWorldSize ?? 1)
      + mindONE.trainingNotes(
        format.precision.format, mode: execution.mode, device: session.device.type)
    for line in lines {
      if isFirst { note(line) }
      try session.record(line)
    }
    // A first step may take minutes; several ranks learn of a signal in it.
    if ranks == nil { try Interrupt.check() }
    try session.start()
    if let directory = session.directory { try writeSettings(directory, session) }
    try loop(session)
  }

  private func open(_ settings: TrainingSettings, _ ranks: RankGroup?) throws -> TrainingSession {
    var progress: Progress?
    defer { progress?.finish() }
    // The session itself leaves notes to rank 0, but tells which images this rank cannot read.
    return try TrainingSession(settings, ranks: ranks, logger: .notes()) { done, count in
      try Interrupt.check()
      guard count > 1 else { return }
      let bar = progress ?? Progress("Checking", count: count, unit: "file")
      bar.update(done)
      progress = bar
    }
  }

  /// Writes the options to the run folder, and tells which differ from those before.
  private func writeSettings(_ directory: RunDirectory, _ session: TrainingSession) throws {
    let path = directory.path + "/" + TrainCommand.settingsName
    let settings = SettingsText(self).yaml
    if output.resume != nil, let before = try? TextFile.content(of: path) {
      let changes = SettingsText.changes(from: before, to: settings)
      if !changes.isEmpty {
        let text = "changed since the run was last started: \(changes.joined(separator: "; "))"
        note(text)
        try session.record(text)
      }
    }
    if session.trainer.step >= session.trainer.stepCount {
      note(
        "the run has taken \(session.trainer.step) steps already: raise --max-steps or"
          + " --epochs")
    }
    try AtomicFile.write(settings, to: path)
  }

  private func loop(_ session: TrainingSession) throws {
    let trainer = session.trainer
    let isFirst = trainer.parallel.isWriter
    let progress = Progress("Training", count: trainer.stepCount, from: trainer.step)
    defer { progress.finish() }
    do {
      try takeSteps(session, progress)
      let outcome = Result { try session.finish() }
      progress.finish()
      if isFirst { note(session.timeSummary) }
      try outcome.get()
    } catch let stop as Interrupted {
      progress.finish()
      try end(session, after: stop)
      throw stop
    } catch {
      progress.finish()
      if let step = session.stop(because: error) { sayWhatIsSaved(step, session) }
      throw error
    }
    if let directory = session.directory {
      try StandardOutput.write(RunDirectory.latestCheckpoint(of: directory.path))
    }
  }

  private func takeSteps(_ session: TrainingSession, _ progress: Progress) throws {
    let trainer = session.trainer
    // The loss of average velocities is near 1 all the time, as rows are divided by their error.
    let showsError = trainer.model.process.family.predictsAverages
    while let report = try session.takeStep(shouldStop: { Interrupt.isRequested }) {
      // Another rank may have been asked to.
      if report.shouldStop {
        throw Interrupted(signal: Interrupt.isRequested ? Interrupt.signal : SIGTERM)
      }
      guard trainer.parallel.isWriter else { continue }
      progress.update(
        report.step,
        detail: String(
          format: showsError ? "mse %.4f  %.1f img/s" : "loss %.4f  %.1f img/s",
          showsError ? report.squaredError : report.loss,
          Double(trainer.globalBatchSize) / report.seconds))
    }
    // A signal may come before the first step, while what evaluations need is made.
    if trainer.step < trainer.stepCount {
      throw Interrupted(signal: Interrupt.isRequested ? Interrupt.signal : SIGTERM)
    }
  }

  /// Saves what a signal has stopped.
  private func end(_ session: TrainingSession, after stop: Interrupted) throws {
    let step = session.trainer.step
    try session.record("stopped by signal \(stop.signal) at step \(step)")
    do {
      try session.finish()
    } catch let error as TrainingError where error.reason == .notFinite {
      try session.record(error.message)
      if session.trainer.parallel.isWriter { note(wording(of: error)) }
      return
    }
    if session.trainer.parallel.isWriter { note(saved(step)) }
  }

  private func sayWhatIsSaved(_ step: Int, _ session: TrainingSession) {
    // What has stopped the run may keep the log from being written too.
    try? session.record(saved(step))
    if session.trainer.parallel.isWriter { note(saved(step)) }
  }

  private func saved(_ step: Int) -> String {
    step > 0
      ? "Saved step \(step); --resume goes on from there."
      : "Stopped before the first step; --resume begins the run with what was prepared."
  }
}
