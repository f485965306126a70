/// The norms of tokens, without their weights.
public enum NormKind: String, Sendable, CaseIterable {
  /// To mean 0 and variance 1 (Ba et al. 2016).
  case layer = "layernorm"
  /// To a mean square of 1 (Zhang & Sennrich 2019, equation 4).
  case rms = "rmsnorm"
}
