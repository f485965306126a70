internal import ArgumentParser
internal import Foundation
internal import Torch
internal import Training

/// `dit train`
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train or finetune on a folder of images.",
    discussion: """
      The folder has a folder for each class. With --dit-checkpoint the weights of a checkpoint are \
      where training starts.

        dit train --data-path imagenet/train --vae-checkpoint sd-vae-ft-mse.safetensors \\
          --model-name DiT-B/4 --train-batch-size 32 --output-path runs/b4
        dit train --data-path emoji --vae-checkpoint none --image-size 64 --hidden-size 256 \\
          --depth 8 --num-heads 4 --patch-size 8 --max-steps 20000 --output-path runs/emoji
        dit train -c configs/training/emoji.yaml --data-path emoji --resume
        dit sample --dit-checkpoint runs/b4/checkpoints/latest --vae-checkpoint ...

      Ctrl-C and SIGTERM save a checkpoint and stop at the next step; --resume goes on from there as \
      if nothing had happened.
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.") var config: String?
  @OptionGroup(title: "Data") var data: TrainDataOptions
  @OptionGroup(title: "Model") var model: TrainModelOptions
  @OptionGroup(title: "Recipe") var recipe: TrainRecipeOptions
  @OptionGroup(title: "Output") var output: TrainOutputOptions
  @OptionGroup(title: "Execution") var execution: ExecutionOptions
  @OptionGroup var mindONE: MindONEOptions

  func run() throws {
    try model.checkTogether()
    Processor.keepFreedMemory()
    try execution.apply()
    mindONE.notes.forEach(note)
    if mindONE.useParallel == true {
      note("use_parallel: no launcher has started several processes; this is the only one")
    }
    let setup = try TrainSetup(self)
    setup.notes.forEach(note)
    let run = setup.run
    if let resume = output.resume { note(try run.resume(from: resume.path)) }
    try loop(run, setup.broken)
  }

  private func loop(_ run: TrainingRun, _ broken: BrokenImageList) throws {
    let trainer = run.trainer
    let progress = Progress("Training", count: trainer.stepCount, from: trainer.step)
    defer { progress.finish() }
    do {
      while let (report, warnings) = try run.takeStep() {
        let brokenNotes = broken.takeNotes()
        try brokenNotes.forEach(run.note)
        for line in warnings + brokenNotes {
          progress.finish()
          note(line)
        }
        progress.update(
          report.step,
          detail: String(
            format: "loss %.4f  %.1f img/s", report.loss,
            Double(trainer.globalBatchSize) / report.seconds))
        try Interrupt.check()
      }
      try run.finish()
      progress.finish()
      note(run.timeSummary)
    } catch let stop as Interrupted {
      progress.finish()
      try run.note("stopped by signal \(stop.signal) at step \(trainer.step)")
      try run.finish()
      note("Saved step \(trainer.step); --resume goes on from there.")
      throw stop
    }
    print(run.directory.path + "/checkpoints/latest")
  }
}
