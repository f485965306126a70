internal import Checkpoint
internal import Diffusion
internal import Files
internal import Inference
internal import Models
internal import Torch

extension SamplingSettings {
  /// All that decides the pixels of a job, by option; files by their stamps.
  ///
  /// - Parameters:
  ///   - pipeline: made of these settings.
  ///   - count: the number of images.
  ///   - labels: how images get their classes.
  /// - Returns: values by option name.
  /// - Throws: `FileError` if a file is gone.
  public func fingerprint(
    of pipeline: LatentDiffusionPipeline, count: Int, labels: LabelChoice
  ) throws -> [String: String] {
    let autoencoder =
      switch pipeline.autoencoder {
      case .file(let path): try FileStamp.text(of: path)
      case .embedded: EmbeddedModel.stamp
      case .automatic, .none: "none"
      }
    let weights =
      self.pipeline.weights == .automatic ? [:] : ["weights": self.pipeline.weights.rawValue]
    // Not in the record of a job that an earlier version began.
    let options = options.settled(for: pipeline.process)
    var added = options.samplerOptions.chosenTexts(options.sampler.options)
    added.merge(FamilyFinding.metadata(of: pipeline.process)) { $1 }
    if options.guidance.interval != .all {
      added["guidance_interval"] = options.guidance.interval.description
    }
    if self.pipeline.cache != .off { added["cache"] = self.pipeline.cache.description }
    let statistics = pipeline.scaling.statistics
    if !statistics.areNeutral {
      added["latents_statistics"] = "\(statistics.means) \(statistics.deviations)"
    }
    if let guide = self.pipeline.guideCheckpoint {
      added["guide_checkpoint"] = try FileStamp.text(of: guide)
    }
    return added.merging([
      "dit_checkpoint": try self.pipeline.ditCheckpoint.map(FileStamp.text) ?? EmbeddedModel.stamp,
      "vae_checkpoint": autoencoder, "num_samples": "\(count)",
      "class_labels": labels.description,
      "batch_size": "\(batchSize ?? SamplingSettings.defaultBatchSize)",
      "image_size": "\(pipeline.imageSize)", "seed": "\(seed)", "sampler": options.sampler.name,
      "sampling_steps": options.stepCount.map(String.init) ?? "adaptive",
      "eta": "\(options.samplerOptions.eta)", "guidance_scale": "\(options.guidance.scale)",
      "cfg_channels": options.guidance.channels?.description ?? "",
      "sd_scale_factor": "\(pipeline.scaleFactor)", "precision": pipeline.precision.name,
      "int8_fc2": pipeline.precision.secondLayerName ?? "none",
      "int8_emulated": "\(pipeline.precision.isEmulated)", "mode": self.pipeline.mode.rawValue,
      // Generators of other devices give other noise.
      "device": pipeline.device.type, "tf32": "\(self.pipeline.allowsTF32)",
    ]) { $1 }.merging(weights) { $1 }
  }
}

extension SamplerOptions {
  /// Options that later versions added, where a sampler reads them and they are not the default.
  fileprivate func chosenTexts(_ keys: Set<SamplerOptions.Key>) -> [String: String] {
    // `eta` is always in the record.
    let read = changed.filter { keys.contains($0.key) && $0.key != .eta }
    var texts = Dictionary(uniqueKeysWithValues: read.map { ($0.key.rawValue, $0.value) })
    if let timestepSpacing { texts["timestep_spacing"] = timestepSpacing.rawValue }
    if timestepSpacing == .shifted { texts["time_shift"] = "\(timeShift)" }
    return texts
  }
}
