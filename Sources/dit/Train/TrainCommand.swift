internal import ArgumentParser
internal import Files
internal import Foundation
internal import Parallel
internal import Torch
internal import Training

/// `dit train`
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train or finetune on a folder of images.",
    discussion: """
      The folder has a folder for each class. With --dit-checkpoint the weights of a checkpoint are \
      where training starts.

        dit train --data-path imagenet/train \\
          --vae-checkpoint sd-vae-ft-mse.safetensors \\
          --model-name DiT-B/4 --train-batch-size 32 --output-path runs/b4
        dit train --data-path emoji --vae-checkpoint none --image-size 64 \\
          --hidden-size 256 --depth 8 --num-heads 4 --patch-size 8 \\
          --max-steps 20000 --output-path runs/emoji
        dit train -c configs/training/emoji.yaml --data-path emoji --resume
        dit sample --dit-checkpoint runs/b4 --vae-checkpoint ...

      Ctrl-C and SIGTERM save a checkpoint and stop at the next step; --resume goes on from there as \
      if nothing had happened.

      Several processes share each step, --train-batch-size images each:

        dit train --workers 2 ...
        mpirun -n 4 dit train --use-parallel ...
        torchrun --nproc-per-node 4 --no-python dit train ...
        srun -n 4 dit train ...
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.") var config: String?
  @OptionGroup(title: "Data") var data: TrainDataOptions
  @OptionGroup(title: "Model") var model: TrainModelOptions
  @OptionGroup(title: "Recipe") var recipe: TrainRecipeOptions
  @OptionGroup(title: "Output") var output: TrainOutputOptions
  @OptionGroup(title: "Execution") var format: TrainingFormat
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @OptionGroup(title: "Several processes") var parallel: ParallelOptions
  @OptionGroup var mindONE: MindONEOptions
  @OptionGroup var mindONETraining: MindONETrainingOptions

  func run() throws {
    try model.checkTogether()
    try recipe.checkTogether()
    ProcessMemory.prepare()
    try execution.apply()
    try parallel.run(useParallel: mindONE.useParallel, train)
  }

  /// What options mean that one might take for something else, a line each.
  private var notes: [String] {
    mindONE.notes + mindONETraining.notes
      + MindONEOptions.notes([("embed_dim", model.embedDim != nil)])
      + recipe.notes + idleFlags
  }

  /// Flags on the command line that others make idle, a line each. A configuration file holds such
  /// keys as a matter of course.
  private var idleFlags: [String] {
    let given = Arguments.names(in: CommandLine.arguments)
    let isConstant = recipe.scheduler == .constant
    let reasons: [(name: String, isIdle: Bool, reason: String)] = [
      ("dit-checkpoint", output.resume != nil, "with --resume, which has the run's own weights"),
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

  private func train(_ ranks: RankGroup?) throws {
    // One rank speaks for all.
    let isFirst = ranks.isRankZero
    if isFirst { notes.forEach(note) }
    try ranks?.agree(on: self)
    let setup = try TrainSetup(self, ranks)
    if isFirst { setup.notes.forEach(note) }
    // A first step may take minutes; several ranks learn of a signal in it.
    if ranks == nil { try Interrupt.check() }
    let run = setup.run
    if let resume = output.resume {
      let text = try run.resume(from: resume.checkpoint)
      if isFirst { note(text) }
    } else {
      try run.begin()
    }
    try setup.notes.forEach(run.note)
    if let directory = run.directory { try writeSettings(directory, run) }
    try loop(run, setup.broken)
  }

  /// Writes the options as run; says which are others than before.
  private func writeSettings(_ directory: RunDirectory, _ run: TrainingRun) throws {
    let path = directory.path + "/config.yaml"
    let settings = SettingsText(self).yaml
    if output.resume != nil, let before = FileManager.default.contents(atPath: path) {
      let changes = SettingsText.changes(
        from: String(decoding: before, as: UTF8.self), to: settings)
      if !changes.isEmpty {
        let text = "changed since the run was last started: \(changes.joined(separator: "; "))"
        note(text)
        try run.note(text)
      }
    }
    if run.trainer.step >= run.trainer.stepCount {
      note(
        "the run has taken its \(run.trainer.stepCount) steps already: raise --max-steps or --epochs"
      )
    }
    try AtomicFile.write(settings, to: path)
  }

  private func loop(_ run: TrainingRun, _ broken: BrokenImageList) throws {
    let trainer = run.trainer
    let isFirst = trainer.parallel.isWriter
    let progress = Progress("Training", count: trainer.stepCount, from: trainer.step)
    do {
      try takeSteps(run, broken, progress)
      let reason = try run.finish()
      progress.finish()
      if isFirst { note(run.timeSummary) }
      if let reason { throw TrainingError(reason) }
    } catch let stop as Interrupted {
      progress.finish()
      try run.note("stopped by signal \(stop.signal) at step \(trainer.step)")
      let reason = try run.finish()
      if let reason { try run.note(reason) }
      if isFirst { note(reason ?? "Saved step \(trainer.step); --resume goes on from there.") }
      throw stop
    } catch {
      progress.finish()
      try? broken.takeNotes().forEach {
        note($0)
        try run.note($0)
      }
      let lines = run.stop(because: error)
      if isFirst { lines.forEach(note) }
      throw error
    }
    if let directory = run.directory { print(RunDirectory.latestCheckpoint(of: directory.path)) }
  }

  private func takeSteps(
    _ run: TrainingRun, _ broken: BrokenImageList, _ progress: Progress
  ) throws {
    let trainer = run.trainer
    let isFirst = trainer.parallel.isWriter
    while let (report, warnings) = try run.takeStep(shouldStop: { Interrupt.isRequested }) {
      let brokenNotes = broken.takeNotes()
      try brokenNotes.forEach(run.note)
      for line in (isFirst ? warnings : []) + brokenNotes {
        progress.finish()
        note(line)
      }
      // Another rank may have been asked to.
      if report.shouldStop {
        throw Interrupted(signal: Interrupt.isRequested ? Interrupt.signal : SIGTERM)
      }
      guard isFirst else { continue }
      progress.update(
        report.step,
        detail: String(
          format: "loss %.4f  %.1f img/s", report.loss,
          Double(trainer.globalBatchSize) / report.seconds))
    }
  }
}
