internal import Checkpoint

/// The `scheduler_config.json` of a pipeline of diffusers: the diffusion process that its model was
/// trained on. Only that of the published models is computed.
///
/// The choice of a sampler and of its timesteps, which also stands there, is the caller's.
struct SchedulerFields {
  /// Whether ancestral sampling takes the smaller of the two fixed variances.
  let hasSmallVariance: Bool

  /// The file.
  let path: String

  /// Reads the fields for a checkpoint; nil if its pipeline has none.
  ///
  /// - Throws: `PipelineError` if the file cannot be read, or names a process that is not computed.
  init?(_ checkpoint: Checkpoint) throws {
    guard let config = try checkpoint.schedulerPath.map({ try DiffusersFields($0) }) else {
      return nil
    }
    path = config.path
    let name = try config.text("_class_name")
    if let name, !SchedulerFields.classNames.contains(name) {
      throw config.fault("_class_name", "is '\(name)', whose diffusion process is not known")
    }
    try config.require("prediction_type", try config.text("prediction_type"), is: "epsilon")
    try config.require("num_train_timesteps", try config.integer("num_train_timesteps"), is: 1000)
    try config.require("beta_schedule", try config.text("beta_schedule"), is: "linear")
    // Of some classes the default is another, so there a missing field counts too.
    let isOther = [
      "HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler",
    ]
    .contains(name)
    let (start, end) = (try config.number("beta_start"), try config.number("beta_end"))
    try config.require("beta_start", start ?? (isOther ? 0.00085 : nil), is: 0.0001)
    try config.require("beta_end", end ?? (isOther ? 0.012 : nil), is: 0.02)
    guard !config.has("trained_betas") else {
      throw config.fault("trained_betas", "are given; only the linear schedule is known")
    }
    let clips = [
      "DDIMScheduler", "DDPMScheduler", "DDIMParallelScheduler", "DDPMParallelScheduler",
      "DDIMInverseScheduler",
    ]
    .contains(name)
    if try config.flag("clip_sample") ?? clips {
      throw config.fault(
        "clip_sample",
        "is true\(config.has("clip_sample") ? "" : " unless it is given"); predictions are"
          + " not clipped here")
    }
    for key in ["thresholding", "rescale_betas_zero_snr", "use_flow_sigmas"] {
      try config.require(key, try config.flag(key), is: false)
    }
    let variance = try config.text("variance_type")
    hasSmallVariance =
      ["DDPMScheduler", "DDPMParallelScheduler"].contains(name)
      && ["fixed_small", "fixed_small_log"].contains(variance ?? "fixed_small")
  }

  /// The schedulers over discrete betas: `KarrasDiffusionSchedulers` of diffusers without EDM's.
  private static let classNames: Set = [
    "DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "LMSDiscreteScheduler",
    "EulerDiscreteScheduler", "HeunDiscreteScheduler", "EulerAncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler", "DEISMultistepScheduler", "UniPCMultistepScheduler",
    "DPMSolverSDEScheduler", "DDIMParallelScheduler", "DDPMParallelScheduler", "SASolverScheduler",
    "DDIMInverseScheduler",
  ]
}
