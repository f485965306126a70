/// The values that a request may give, whatever the model; what fits the model is checked after that.
enum SamplingRange {
  static let steps = 1...1000
  static let guidanceScale = -1000.0...1000
  static let eta = 0.0...1
  static let solverOrder = 2...3
  /// Of `atol` and `rtol`.
  static let tolerance = 1e-7...1
  static let diffusionNorm = 0.0...1000
  static let lastStepSize = 0.0001...0.9999
}
