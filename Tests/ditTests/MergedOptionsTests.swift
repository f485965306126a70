internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// Flags combined with a configuration file.
@Suite struct MergedOptionsTests {
  /// Runs a command with a configuration file.
  private func run(
    _ command: String, _ yaml: String, _ arguments: [String], in folder: String
  ) throws -> ProgramResult {
    try AtomicFile.write(yaml, to: folder + "/file.yaml")
    return try dit([command, "-c", "file.yaml"] + arguments, in: folder)
  }

  private let tiny = """
    data_path: images
    vae_checkpoint: none
    image_size: 16
    hidden_size: 32
    depth: 2
    num_heads: 2
    patch_size: 4
    train_batch_size: 4
    step_mode: True
    output_path: run

    """

  @Test func letsEpochsOverrideTheFilesSteps() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try run("train", tiny + "max_steps: 100", ["--epochs", "1"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("4 a step, 2 steps"), "\(result.errors)")
      let fewer = try run(
        "train", tiny + "epochs: 100", ["--max-steps", "1", "--output-path", "other"], in: folder)
      #expect(fewer.errors.contains("4 a step, 1 step,"), "\(fewer.errors)")
    }
  }

  @Test func notesIdleAndSurprisingSettings() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let file = tiny + "use_fp16: True\nmax_grad_norm: 2\nsd_scale_factor: 0.18215\n"
      let result = try run(
        "train", file,
        [
          "--recompute_every=2", "--ema-decay", "0.9", "--use-ema", "false", "--epochs", "9",
          "--max-steps", "1", "--end-learning-rate", "0", "--train-batch-size", "16",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      for line in [
        "--recompute-every changes nothing without --use-recompute",
        "--ema-decay changes nothing with --use-ema false",
        "--epochs changes nothing with --max-steps",
        "--end-learning-rate changes nothing with the constant --scheduler",
        "use_fp16 is for a GPU; this trains in float32",
        "the scale factor has no meaning for pixels",
        "a step takes 16 images, more than there are",
      ] {
        #expect(result.errors.contains(line), "\(line): \(result.errors)")
      }
      #expect(!result.errors.contains("--max-grad-norm"), "\(result.errors)")
      let again = try run(
        "train", file,
        [
          "--resume", "--max-steps", "1", "--train-batch-size", "16",
          "--use-ema", "false", "--dit-checkpoint", "run",
        ], in: folder)
      #expect(again.errors.contains("--dit-checkpoint changes nothing with --resume"))
      #expect(again.errors.contains("resumed at step 1"), "\(again.errors)")

      // A larger model, which is refused before its first step.
      let large = try run(
        "train", file,
        [
          "--resume", "--patch-size", "1", "--hidden-size", "256", "--depth", "8",
          "--train-batch-size", "65536", "--max-steps", "1",
        ], in: folder)
      #expect(large.status != 0)
      #expect(large.errors.contains("of memory are free"), "\(large.errors)")
    }
  }

  @Test func readsPythonsNumbersAndNone() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try run(
        "train",
        tiny + """
          max_steps: 2.0
          scale_window: 1000.0
          seed: 7.0
          weight_decay: 0.01
          group_strategy: None
          scheduler: None
          condition: ~
          min_snr_gamma: null
          """, [], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("4 a step, 2 steps"))
      #expect(
        result.errors.contains(
          "weight decay 0.01 of all parameters but biases (--group-strategy norm_and_bias)"),
        "\(result.errors)")
      let config = try String(contentsOfFile: folder + "/run/config.yaml", encoding: .utf8)
      #expect(config.contains("\nscale_window: 1000\n") && config.contains("\nseed: 7\n"))

      let half = try run("train", tiny + "max_steps: 2.5\nscheduler: \"None\"", [], in: folder)
      #expect(half.status == 64)
      #expect(half.errors.contains("line 11: max_steps: "), "\(half.errors)")
      #expect(half.errors.contains("line 12: scheduler: "))
    }
  }

  @Test func unsetsAndSetsResume() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let yaml = tiny + "resume: True\n"
      let steps = ["--max-steps", "1"]
      let anew = try run("train", yaml, steps + ["--output-path", "new"], in: folder)
      #expect(anew.status == 0, "\(anew.errors)")
      #expect(anew.errors.contains("'new' has no checkpoint to resume from: the run begins anew"))
      let first = try run("train", yaml, steps + ["--resume", "false"], in: folder)
      #expect(first.status == 0, "\(first.errors)")
      let again = try run("train", yaml, steps + ["--resume=False"], in: folder)
      #expect(again.errors.contains("holds a run already"), "\(again.errors)")
      let more = try run("train", tiny, ["--max-steps", "2", "--resume", "True"], in: folder)
      #expect(more.status == 0, "\(more.errors)")
      #expect(more.errors.contains("resumed at step 1"))
    }
  }

  @Test func letsOneKindOfSizeOverrideTheOther() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let published = try run(
        "train", tiny, ["--model-name", "DiT-S/8", "--image-size", "12"], in: folder)
      #expect(published.errors.contains("patch size, 8"), "\(published.errors)")
      let size = ["--hidden-size", "32", "--depth", "2", "--num-heads", "2", "--patch-size", "5"]
      let own = try run(
        "train", "model_name: DiT-S/8\nembed_dim: 384",
        ["--data-path", "images", "--vae-checkpoint", "none", "--image-size", "12"] + size,
        in: folder)
      #expect(own.errors.contains("patch size, 5"), "\(own.errors)")
    }
  }

  @Test func checksCombinationsAfterMerging() throws {
    try withTemporaryFolder { folder in
      // The unknown class shows that everything before it was accepted.
      let labels = ["--class-labels", "nobody"]
      for (yaml, arguments) in [
        ("ddim_sampling: True", ["--sampler", "ddpm"]),
        ("workers: 2\nnpz: out.npz", ["--workers", "1"]),
        ("output_path: out", ["--npz", "out.npz"]),
        ("use_fp16: False\ndtype: fp16", ["--dtype", "fp32"]),
      ] {
        let result = try run("sample", yaml, arguments + labels, in: folder)
        #expect(result.status == 64)
        #expect(result.errors.contains("nobody"), "\(yaml): \(result.errors)")
      }
      for (yaml, hint) in [
        ("sampler: ddpm\nddim_sampling: True", "contradicts --ddim-sampling"),
        ("npz: out.npz\noutput_path: out", "stands in place of"),
        ("workers: 2", "for --npz alone"),
      ] {
        let result = try run("sample", yaml, labels, in: folder)
        #expect(result.status == 64)
        #expect(result.errors.contains(hint), "\(yaml): \(result.errors)")
      }
    }
  }

  @Test func notesKeysThatChangeNothing() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let keys = ["json_data_path", "clip_checkpoint", "log_level"].map { "\($0): something\n" }
      let numbers = ["num_workers", "sink_size", "callback_size"].map { "\($0): 3\n" }
      let switches = ["replace_small_images", "profile"].map { "\($0): True\n" }
      let result = try run(
        "train", tiny + (keys + numbers + switches).joined() + "mode: 1\nmax_steps: 1", [],
        in: folder)
      #expect(result.status == 0, "\(result.errors)")
      for line in keys + numbers + switches {
        let name = line.prefix { $0 != ":" }
        #expect(
          result.errors.contains("\n\(name) has no meaning here") || result.errors.hasPrefix(name),
          "\(name): \(result.errors)")
      }
      #expect(result.errors.contains("mode has no meaning on cpu"))
    }
  }
}
