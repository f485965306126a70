public import Torch

// N batch, C channels, H W image, p patch size, T = (H / p) (W / p) tokens, D width.

/// Cuts images into square patches and projects each to a token (Dosovitskiy et al. 2021, section
/// 3.1).
public struct PatchEmbed {
  /// `[D, C, p, p]`, stride p.
  public let projection: Conv2d

  /// Makes `proj`, initialized like a linear layer.
  public init(_ channelCount: Int, _ width: Int, patchSize: Int, at scope: Scope) {
    let scope = scope / "proj"
    projection = Conv2d(
      weight: scope.parameter(
        "weight", [width, channelCount, patchSize, patchSize], .xavierUniform),
      bias: scope.parameter("bias", [width], .zeros), stride: patchSize)
  }

  private init(_ projection: Conv2d) { self.projection = projection }

  /// The layer converted to another data type.
  package func converted(to dtype: DType) -> PatchEmbed {
    PatchEmbed(
      Conv2d(
        weight: projection.weight.to(dtype), bias: projection.bias?.to(dtype),
        stride: projection.stride))
  }

  /// Embeds the patches row by row, by a convolution.
  ///
  /// - Parameter x: images, `[N, C, H, W]`
  /// - Returns: tokens, `[N, T, D]`
  public func callAsFunction(_ x: Tensor) -> Tensor {
    projection(x).flattened(from: 2).transposed(1, 2)
  }

  /// Embeds the patches row by row, by a matrix product: the form of packed models.
  ///
  /// - Parameter x: images, `[N, C, H, W]`
  /// - Returns: tokens, `[N, T, D]`, contiguous
  public func byMatrixProduct(_ x: Tensor) -> Tensor {
    let (n, c, h, w) = x.size4
    let p = projection.stride
    let patches = x.reshaped([n, c, h / p, p, w / p, p]).permuted([0, 2, 4, 1, 3, 5])
      .reshaped([n, (h / p) * (w / p), c * p * p])
    return linear(patches, weight: projection.weight.flattened(from: 1), bias: projection.bias)
  }

  /// Puts patches back into place.
  ///
  /// - Parameters:
  ///   - x: patches row by row, the channels of a pixel side by side, `[N, T, p p C]`
  ///   - g: patches per side.
  ///   - p: the patch size.
  /// - Returns: images, `[N, C, H, W]`
  public static func joined(_ x: Tensor, gridSize g: Int, patchSize p: Int) -> Tensor {
    let channels = x.size(2) / (p * p)
    return x.reshaped([x.size(0), g, g, p, p, channels])
      .permuted([0, 5, 1, 3, 2, 4])
      .reshaped([x.size(0), channels, g * p, g * p])
  }
}
