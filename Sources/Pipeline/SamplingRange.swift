/// The values that settings may have, whatever the model; what fits the model is checked after that.
package enum SamplingRange {
  /// Steps.
  package static let steps = 1...1000
  /// The scale of guidance.
  package static let guidanceScale = -1000.0...1000
  /// DDIM's share of fresh noise. Beyond 1 there may be more of it than noise in all.
  package static let eta = 0.0...1
  /// The order of UniPC.
  package static let solverOrder = 2...3
  /// The tolerances of dopri5: float32 has no more digits.
  package static let tolerance = 1e-7...1
  /// What the noise of euler-sde is multiplied by.
  package static let diffusionNorm = 0.0...1000
  /// The length of the last step of euler-sde.
  package static let lastStepSize = 0.0001...0.9999
}
