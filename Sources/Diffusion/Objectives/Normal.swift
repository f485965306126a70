internal import Torch

/// Independent normal distributions, one for each element.
struct Normal {
  /// `[N, C, H, W]`
  let mean: Tensor
  /// A shape that broadcasts to that of the mean.
  let logVariance: Tensor

  /// The Kullback-Leibler divergence from another, in nats.
  func divergence(from other: Normal) -> Tensor {
    let distance = (mean - other.mean).squared * (-other.logVariance).exponential
    return
      (other.logVariance - logVariance + (logVariance - other.logVariance).exponential
      + distance - 1) * 0.5
  }

  /// The log probability of levels 2/255 apart (Ho et al. 2020, equation 13), with the tanh
  /// approximation of the distribution function.
  func discretizedLogLikelihood(of x: Tensor) -> Tensor {
    let centred = x - mean
    let inverseDeviation = (logVariance * -0.5).exponential
    let upper = distribution(inverseDeviation * (centred + 1.0 / 255))
    let lower = distribution(inverseDeviation * (centred - 1.0 / 255))
    func log(_ probability: Tensor) -> Tensor { probability.clamped(min: 1e-12).logarithm }
    let inner = x.isGreater(than: 0.999).select(log(-lower + 1), else: log(upper - lower))
    return x.isLess(than: -0.999).select(log(upper), else: inner)
  }

  /// Φ(x) by tanh (Page 1977).
  private func distribution(_ x: Tensor) -> Tensor {
    let cubic = x.addingProduct(x.squared, x, scale: 0.044715)
    return ((cubic * 0.7978845608028654).hyperbolicTangent + 1) * 0.5
  }
}
