/// Option names of other programs.
enum OtherNames {
  /// Names used by other tools, with our equivalents in order of preference.
  private static let options: [String: [String]] = [
    "batch": ["train-batch-size", "batch-size"], "batch-size": ["train-batch-size"],
    "cfg": ["guidance-scale"], "cfg-scale": ["guidance-scale"],
    "checkpoint": ["dit-checkpoint", "source"], "checkpoint-every": ["ckpt-save-interval"],
    "ckpt": ["dit-checkpoint", "source"], "classes": ["class-labels"], "data": ["data-path"],
    "data-dir": ["data-path"], "dataset": ["data-path"], "dataset-path": ["data-path"],
    "ema": ["use-ema"], "global-batch-size": ["train-batch-size"], "global-seed": ["seed"],
    "gradient-checkpointing": ["use-recompute"], "guidance": ["guidance-scale"],
    "labels": ["class-labels"], "learning-rate": ["start-learning-rate"],
    "lr": ["start-learning-rate"], "lr-scheduler": ["scheduler"],
    "lr-warmup-steps": ["warmup-steps"], "max-norm": ["max-grad-norm"],
    "max-train-steps": ["max-steps"], "mixed-precision": ["precision"], "model": ["model-name"],
    "num-epochs": ["epochs"], "num-inference-steps": ["sampling-steps"],
    "num-sampling-steps": ["sampling-steps"], "num-steps": ["max-steps", "sampling-steps"],
    "num-train-epochs": ["epochs"], "output": ["output-path", "target"],
    "output-dir": ["output-path"], "resolution": ["image-size"], "results-dir": ["output-path"],
    "save-interval": ["ckpt-save-interval"], "size": ["image-size"],
    "steps": ["max-steps", "sampling-steps"], "vae": ["vae-checkpoint", "vae-source"],
    "warmup": ["warmup-steps"],
  ]

  /// The equivalent of `name` among the command's options, in kebab-case; nil if there is none.
  static func option(_ name: String, in table: OptionTable) -> String? {
    options[name]?.first { table.kinds[$0] != nil }
  }
}
