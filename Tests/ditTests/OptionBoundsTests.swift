internal import Files
internal import TestSupport
internal import Testing

@Suite struct OptionBoundsTests {
  private static let trainHints = [
    "sd_scale_factor: 0": "--sd-scale-factor 0: must be above 0, and 1000000 at most",
    "image_size: 16385": "--image-size 16385: must be from 1 to 16384",
    "num_parallel_workers: -3": "--num-parallel-workers -3: must be from 1 to 1024",
    "hidden_size: -4": "--hidden-size -4: must be from 4 to 65536",
    "depth: -1": "--depth -1: must be from 1 to 1024",
    "num_heads: -2": "--num-heads -2: must be from 1 to 1024",
    "patch_size: -4": "--patch-size -4: must be from 1 to 1024",
    "epochs: 9223372036854775807": "must be from 1 to 1000000",
    "max_steps: 0": "--max-steps 0: must be from 1 to 1000000000",
    "train_batch_size: 0": "--train-batch-size 0: must be from 1 to 65536",
    "gradient_accumulation_steps: 9223372036854775807": "must be from 1 to 65536",
    "start_learning_rate: inf": "--start-learning-rate inf: must be above 0, and 100 at most",
    "end_learning_rate: -1.0e-3": "--end-learning-rate -0.001: must be from 0 to 100",
    "warmup_steps: -1": "--warmup-steps -1: must be from 0 to 1000000000",
    "decay_steps: -1": "--decay-steps -1: must be from 0 to 1000000000",
    "weight_decay: -0.5": "--weight-decay -0.5: must be from 0 to 100",
    "betas: [0.9, 1]": "--betas 1: must be at least 0, and below 1",
    "optim_eps: 0": "--optim-eps 0: must be above 0, and 1 at most",
    "max_grad_norm: nan": "--max-grad-norm nan: must be above 0",
    "ema_decay: 1": "--ema-decay 1: must be at least 0, and below 1",
    "label_dropout: -0.1": "--label-dropout -0.1: must be at least 0, and below 1",
    "min_snr_gamma: -5": "--min-snr-gamma -5: must be above 0",
    "recompute_every: 0": "--recompute-every 0: must be from 1 to 1024",
    "init_loss_scale: 0": "--init-loss-scale 0: must be above 0",
    "loss_scale_factor: 0": "--loss-scale-factor 0: must be from 1 to 65536",
    "scale_window: 0": "--scale-window 0: must be from 1 to 1000000000",
    "ckpt_save_interval: 9223372036854775807": "must be from 1 to 1000000000",
    "ckpt_max_keep: 0": "--ckpt-max-keep 0: must be from 1 to 1000000000",
    "sample_interval: 0": "--sample-interval 0: must be from 1 to 1000000000",
    "log_interval: 0": "--log-interval 0: must be from 1 to 1000000000",
    "threads: 0": "--threads 0: must be from 1 to 1024",
    "workers: 0": "--workers 0: must be from 1 to 1024",
    "timeout: 0": "--timeout 0: must be from 1 to 1000000000",
  ]
  private static let sampleHints = [
    "num_samples: 0": "--num-samples 0: must be from 1 to 10000000",
    "batch_size: -1": "--batch-size -1: must be from 1 to 65536",
    "sampling_steps: 1001": "--sampling-steps 1001: must be from 1 to 1000",
    "eta: 1.5": "--eta 1.5: must be from 0 to 1",
    "guidance_scale: nan": "--guidance-scale nan: must be from -1000 to 1000",
    "sd_scale_factor: inf": "--sd-scale-factor inf: must be above 0",
    "image_size: 0": "--image-size 0: must be from 1 to 16384",
    "num_heads: 0": "--num-heads 0: must be from 1 to 1024",
  ]
  private static let encodeHints = [
    "image_size: 0": "--image-size 0: must be from 1 to 16384",
    "batch_size: 0": "--batch-size 0: must be from 1 to 65536",
    "shard_size: -1": "--shard-size -1: must be from 1 to 1000000000",
    "num_parallel_workers: 0": "--num-parallel-workers 0: must be from 1 to 1024",
  ]
  private static let autoencoderHints = [
    "image_size: 0": "--image-size 0: must be from 1 to 16384",
    "widths: [24, 0]": "--widths 0: must be from 1 to 1024",
    "block_count: 65": "--block-count 65: must be from 1 to 64",
    "latent_channels: 0": "--latent-channels 0: must be from 1 to 1024",
    "max_steps: 0": "--max-steps 0: must be from 1 to 1000000000",
    "train_batch_size: 0": "--train-batch-size 0: must be from 1 to 65536",
    "start_learning_rate: nan": "--start-learning-rate nan: must be above 0",
    "end_learning_rate: inf": "--end-learning-rate inf: must be from 0 to 100",
    "warmup_steps: -1": "--warmup-steps -1: must be from 0 to 1000000000",
    "ema_decay: 1": "--ema-decay 1: must be at least 0, and below 1",
    "save_interval: 0": "--save-interval 0: must be from 1 to 1000000000",
  ]

  @Test(arguments: [
    ("train", trainHints), ("sample", sampleHints), ("encode", encodeHints),
    ("train-autoencoder", autoencoderHints),
  ]) func namesOptionValueAndBounds(_ command: String, _ hints: [String: String]) throws {
    try withTemporaryFolder { folder in
      let lines = hints.sorted { $0.key < $1.key }
      try AtomicFile.write(
        lines.map { $0.key + "\n" }.joined(), to: folder + "/wrong.yaml")
      let result = try dit([command, "-c", "wrong.yaml"], in: folder)
      #expect(result.status == 64)
      let faults = result.errors.split(separator: "\n")
      #expect(faults.count == lines.count, "\(result.errors)")
      for (number, (fault, line)) in zip(faults, lines).enumerated() {
        #expect(fault.contains("line \(number + 1): ") && fault.contains(line.value), "\(fault)")
      }
    }
  }

  @Test(arguments: [
    (["sample", "--image-size", "68719476736"], "must be from 1 to 16384"),
    (["sample", "--image-size", "100"], "--image-size 100: must be a multiple of 16"),
    (["sample", "--batch-size", "9223372036854775807"], "must be from 1 to 65536"),
    (["sample", "--steps", "1000"], "--steps 1000: must be from 1 to 999"),
    (["decode", "--steps", "9223372036854775807"], "must be from 1 to 1000000000"),
    (["decode", "--image-size", "12"], "--image-size 12: must be a multiple of 8"),
    (["decode", "--threads", "0"], "--threads 0: must be from 1 to 1024"),
    (["train", "--batch-size", "0"], "--batch-size 0: must be from 1 to 65536"),
    (["data", "--data-path", ".", "--image-size", "0"], "--image-size 0: must be from 1 to 16384"),
  ]) func refusesBenchmarksOutOfBounds(_ arguments: [String], _ hint: String) throws {
    let result = try dit(["benchmark"] + arguments)
    #expect(result.status == 64)
    #expect(result.errors.contains(hint), "\(result.errors)")
  }

  @Test(arguments: [
    (["--lr", "1"], "unknown option '--lr'; did you mean '--start-learning-rate'?"),
    (["--depth", "-1"], "--depth -1: must be from 1 to 1024"),
    (["--betas", "0.9"], "--betas '0.9': must be two comma-separated numbers"),
    (
      ["--train-batch-size", "65536", "--gradient-accumulation-steps", "65536"],
      "4294967296 images a step of each process; at most 1048576"
    ),
    (["--loss-scale-factor", "1"], "a dynamic loss scale needs a factor above 1"),
    (
      [
        "--data-path", "images", "--vae-checkpoint", "none", "--hidden-size", "65536", "--depth",
        "1024", "--num-heads", "1024", "--patch-size", "1",
      ], "GB: choose a smaller one"
    ),
  ]) func refusesFlags(_ arguments: [String], _ hint: String) throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images", count: 1)
      let result = try dit(["train"] + arguments, in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains(hint), "\(result.errors)")
      #expect(!Folder.exists(folder + "/runs"))
    }
  }
}
