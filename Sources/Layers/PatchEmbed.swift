public import Torch

/// Cuts images into square patches and maps each to a token (Dosovitskiy et al. 2021, section 3.1).
public struct PatchEmbed {
  /// `[D, C, p, p]`, stride p.
  public let projection: Conv2d

  /// Makes `proj`, which starts like a linear layer.
  public init(_ channelCount: Int, _ width: Int, patchSize: Int, at scope: Scope) {
    projection = Conv2d(
      channelCount, width, kernelSize: patchSize, stride: patchSize, at: scope / "proj",
      weight: .xavierUniform, bias: .zeros)
  }

  /// The tokens of the patches, row by row.
  ///
  /// - Parameter x: images, `[N, C, H, W]`
  /// - Returns: tokens, `[N, (H/p)(W/p), D]`
  public func callAsFunction(_ x: Tensor) -> Tensor {
    projection(x).flattened(from: 2).transposed(1, 2)
  }
}
