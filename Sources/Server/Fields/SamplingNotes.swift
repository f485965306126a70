internal import Diffusion

extension SamplingOptions {
  /// What is set and changes nothing.
  var notes: [String] {
    let changed = samplerOptions.changed
    var notes: [String] = []
    for key in SamplerOptions.Key.allCases
    where changed[key] != nil && !sampler.options.contains(key) {
      let names = SamplingMethod.all.filter { $0.options.contains(key) }.map(\.name)
      notes.append(
        "\(key.rawValue) is for \(names.joined(separator: ", ")) and changes nothing here")
    }
    if guidance.interval != .all, !guidance.isActive {
      notes.append(
        "guidance_interval changes nothing with a guidance_scale of \(guidance.scale)")
    }
    if sampler.defaultStepCount == nil {
      if chosenStepCount != nil {
        notes.append("steps changes nothing here: \(sampler) chooses its steps")
      }
      if samplerOptions.timestepSpacing != nil {
        notes.append("timestep_spacing changes nothing here: \(sampler) chooses its steps")
      }
    }
    return notes
  }
}
