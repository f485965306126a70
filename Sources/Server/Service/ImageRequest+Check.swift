internal import Diffusion
internal import Pipeline

extension ImageRequest {
  /// Checks all values.
  ///
  /// - Throws: `ServiceError` with the field that is out of range, or does not fit the model.
  func check(_ model: ModelDescription, _ rules: SamplingRules) throws(ServiceError) {
    func require(_ condition: Bool, _ field: String, _ message: String) throws(ServiceError) {
      guard condition else { throw ServiceError(.request(field: field), message) }
    }
    let classes = model.classNames.count
    try require(
      (0..<classes).contains(label), "prompt",
      "class \(label) is out of range: the model has classes 0 to \(classes - 1)")
    try require(
      (1...model.imageLimit).contains(count), "n",
      "\(count) images: one request has 1 to \(model.imageLimit)")
    try require(
      options.chosenStepCount.map(SamplingRange.steps.contains) ?? true, "steps",
      "\(options.chosenStepCount ?? 0) steps: there can be 1 to 1000")
    try require(
      SamplingRange.guidanceScale.contains(options.guidance.scale), "guidance_scale",
      "a guidance scale of \(options.guidance.scale): it can be -1000 to 1000")
    if case .count(let count) = previews {
      try require((0...1000).contains(count), "partial_images", "\(count) partial images")
    }
    let sampler = options.samplerOptions
    try require(
      SamplingRange.eta.contains(sampler.eta), "eta", "eta is \(sampler.eta): it can be 0 to 1")
    try require(
      SamplingRange.solverOrder.contains(sampler.solverOrder), "solver_order",
      "solver_order is \(sampler.solverOrder): it can be 2 or 3")
    try require(
      [sampler.atol, sampler.rtol].allSatisfy(SamplingRange.tolerance.contains), "rtol",
      "atol and rtol can be 1e-7 to 1")
    try require(
      SamplingRange.diffusionNorm.contains(sampler.diffusionNorm), "diffusion_norm",
      "diffusion_norm is \(sampler.diffusionNorm): it can be 0 to 1000")
    try require(
      SamplingRange.lastStepSize.contains(sampler.lastStepSize), "last_step_size",
      "last_step_size is \(sampler.lastStepSize): it can be 0.0001 to 0.9999")
    do {
      try rules.checkWhole([label], options)
    } catch {
      throw ServiceError(
        .request(field: faultyField(rules)), ServiceError.publicMessage(of: error))
    }
  }
}

extension ImageRequest {
  /// The field without which the options fit the model.
  private func faultyField(_ rules: SamplingRules) -> String {
    func fits(_ change: (inout SamplingOptions) -> Void) -> Bool {
      var options = options
      change(&options)
      return (try? rules.checkWhole([label], options)) != nil
    }
    if fits({ $0.samplerOptions.timestepSpacing = nil }) {
      return options.samplerOptions.timestepSpacing == .shifted ? "time_shift" : "timestep_spacing"
    }
    return fits { $0.guidance.channels = nil } ? "cfg_channels" : "sampler"
  }
}

extension ServiceError {
  /// What clients may know of an error: no paths.
  static func publicMessage(of error: any Error) -> String {
    guard let error = error as? PipelineError else {
      return "drawing failed; the server's log says why"
    }
    return switch error.reason {
    case .setting, .noNullClass, .unsuitedCache, .nonFiniteLatents: error.message
    case .smallVariance:
      "the model has the small variance, and the sampler ddpm takes the large one"
    default: "drawing failed; the server's log says why"
    }
  }
}
