public import Torch

/// How far results may lie from the reference: the largest absolute difference over the largest
/// absolute value of the reference. The one place where tolerances are stated.
public enum Tolerance {
  /// Tables in float64.
  public static let float64 = 1e-12
  /// Random numbers, which libtorch's kernels may round differently on other processors.
  public static let random = 1e-6
  /// One forward pass in float32.
  public static let float32 = 1e-5
  /// Weights after ten steps of AdamW, which divides by small roots.
  public static let trainedWeights = 2e-5
  /// One forward pass with linear layers in float16.
  public static let float16 = 5e-3
  /// One forward pass with linear layers in bfloat16.
  public static let bfloat16 = 2e-2
  /// One forward pass with linear layers in 8 bits.
  public static let int8 = 3e-2
  /// One forward pass with linear layers in 8-bit floating point, which has 3 bits of mantissa.
  public static let float8 = 1.2e-1
  /// A whole sampling trajectory in float32: rounding accumulates and guidance magnifies it.
  public static let trajectory = 5e-5
  /// Features of a deep network of convolutions in float32: rounding grows from layer to layer.
  public static let features = 1e-4
}

/// The largest absolute difference over the largest absolute value of `reference`; infinite where
/// shapes differ or a number is not finite.
public func relativeError(_ value: Tensor, _ reference: Tensor) -> Double {
  guard value.shape == reference.shape else { return .infinity }
  guard value.count > 0 else { return 0 }
  let difference = (value.to(.float64) - reference.to(.float64)).magnitude.max().item
  let scale = reference.to(.float64).magnitude.max().item
  guard difference.isFinite, scale.isFinite else { return .infinity }
  return difference == 0 ? 0 : difference / scale
}

/// The norm of the difference over the norm of `reference`; infinite where shapes differ or a number
/// is not finite.
public func relativeNormError(_ value: Tensor, _ reference: Tensor) -> Double {
  guard value.shape == reference.shape else { return .infinity }
  let difference = (value.to(.float64) - reference.to(.float64)).norm().item
  let scale = reference.to(.float64).norm().item
  guard difference.isFinite, scale.isFinite else { return .infinity }
  return difference == 0 ? 0 : difference / scale
}
