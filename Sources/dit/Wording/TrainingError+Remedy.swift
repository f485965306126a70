internal import Training

extension TrainingError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .setting(let setting): setting.remedy
    case .incompleteSize:
      "give --hidden-size, --depth, --num-heads and --patch-size, or --model-name"
    case .autoencoderMissing: "give --vae-checkpoint FILE, or none to train on pixels"
    case .encoderMissing: "give its file, or the folder of both"
    case .samplesNeedAutoencoder: "give --vae-checkpoint FILE, or leave --sample-interval out"
    case .samplesNeedDecoder:
      "give --vae-checkpoint the folder of both halves, or leave --sample-interval out"
    case .otherAutoencoder: "give that one, or encode again"
    case .cacheUnfinished, .cacheIncomplete:
      "run dit encode again as before, which makes what is missing"
    case .cacheDamaged: "remove it and run dit encode again"
    case .cacheInconsistent: "run dit encode again"
    case .otherCache: "give the same options and images, or choose another --output-path"
    case .mirrorImagesMissing:
      "train with --horizontal-flip false, or encode again with --horizontal-flip true"
    case .latentsNotFinite(let isFloat16):
      isFloat16 ? "try --dtype fp32" : "is the autoencoder sound?"
    case .outputAmongImages: "choose another --output-path"
    case .weightsNotFinite: "training from it would fail: take a sound file"
    case .checkpointMissing: "start without --resume"
    case .runExists: "go on with --resume, or choose another --output-path"
    case .ranksDisagree: "start all with the same"
    case .notFinite:
      "go on from the last checkpoint, or one before the loss rose, with a lower"
        + " --start-learning-rate, --clip-grad or --precision fp32"
    case .other: nil
    }
  }

  var isUsage: Bool {
    switch reason {
    case .setting, .incompleteSize, .autoencoderMissing, .samplesNeedAutoencoder,
      .samplesNeedDecoder, .cacheUnfinished, .mirrorImagesMissing, .outputAmongImages, .runExists,
      .ranksDisagree:
      true
    case .encoderMissing, .otherAutoencoder, .cacheIncomplete, .cacheDamaged, .cacheInconsistent,
      .otherCache, .latentsNotFinite, .weightsNotFinite, .checkpointMissing, .notFinite, .other:
      false
    }
  }
}

extension TrainingError.Setting {
  /// The option to change; nil if none would help.
  fileprivate var remedy: String? {
    switch self {
    case .preset: "leave --model-name out"
    case .hiddenSize: "leave --hidden-size or --model-name out"
    case .depth: "leave --depth or --model-name out"
    case .headCount: "change --num-heads, or leave it out"
    case .patchSize: "leave --patch-size or --model-name out"
    case .block: "leave --block out"
    case .learnsVariance: "leave --learn-sigma out"
    case .imageSize: "give another --image-size"
    case .autoencoder:
      "name the one that made it with --vae-checkpoint, or leave the option out"
    case .latentStatistics: "change --latent-stats"
    case .reducesWhileDecoding: "leave --reduce-while-decoding out, or encode with it"
    case .frozen: "change --freeze"
    case .objective: "give --objective meanflow"
    case .none: nil
    }
  }
}
