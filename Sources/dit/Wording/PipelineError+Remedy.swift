internal import Pipeline

extension PipelineError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .foreignAutoencoder:
      "name the model's file with --dit-checkpoint, or leave --vae-checkpoint out"
    case .isAutoencoder: "an autoencoder goes to --vae-checkpoint"
    case .missingAutoencoder: "name the file of its autoencoder with --vae-checkpoint"
    case .missingStatistics:
      "name the file that was published with it, latents_stats.pt, with --latent-stats"
    case .smallVariance: "give another --sampler"
    case .otherFamily: "--family, --path and --prediction say it for both"
    case .unsuitedCache: "give one of those with --sampler, or --cache none"
    case .noNullClass(rows: 1): "give --guidance-scale 1"
    case .noNullClass(let rows):
      "give --guidance-scale 1, or --num-classes \(rows - 1) if the last row is the null class"
    case .missingImageSize: "give --image-size"
    case .missingClassNames: "give numbers, or names with --class-names FILE"
    case .unknownClass: "dit sample --list-classes lists them"
    case .unknownDevice: "another type needs its library (--device-plugin FILE)"
    case .absentDevice: "use --device cpu"
    case .kernelLibrary:
      "scripts/build-cuda builds it, and an empty DIT_CUDA_LIBRARY in the environment does without"
    case .outputInUse: "wait for it, stop it, or choose another output"
    case .otherSettings(let folder): "give those, or remove '\(folder)'"
    case .imageRecord: nil
    case .recordedFileMissing(let setting): "say where it is with --\(OptionTable.kebab(setting))"
    case .otherWeights(let setting):
      "name the right one with --\(OptionTable.kebab(setting)), which also takes others, with a warning"
    case .nonFiniteLatents: "are its weights sound, and does --precision fp32 give images?"
    case .model(let reason): reason.remedy
    case .inference(let reason): reason.remedy
    case .setting, .unusable: nil
    }
  }

  var isUsage: Bool { isSetting }
}
