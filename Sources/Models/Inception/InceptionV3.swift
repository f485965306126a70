public import Layers
public import Torch

/// What an `InceptionNetwork` sees in images.
public struct InceptionOutput {
  /// `[N, 2048]`: the means over the last block's pixels (`pool_3` of the graph).
  public let pooled: Tensor
  /// `[N, 2023]`: the first 7 channels of the first branch of `Mixed_6d`, 17 x 17 pixels with channels
  /// last (`mixed_6/conv` of the graph).
  public let spatial: Tensor
  /// `[N, 1008]`: scores of classes, without bias.
  public let logits: Tensor

  /// Wraps outputs.
  public init(pooled: Tensor, spatial: Tensor, logits: Tensor) {
    (self.pooled, self.spatial, self.logits) = (pooled, spatial, logits)
  }
}

/// The network of the Inception Score and FID in some form.
public protocol InceptionNetwork {
  /// Computes features.
  ///
  /// - Parameters:
  ///   - images: `[N, H, W, 3]`, uint8.
  ///   - visit: called after each stage, with its name and its result `[N, C, H, W]`, for some or all
  ///     images; throws to stop.
  /// - Returns: features of all images, float32.
  func callAsFunction(
    _ images: Tensor, visit: (_ stage: String, _ result: Tensor) throws -> Void
  ) rethrows -> InceptionOutput
}

/// InceptionV3 (Szegedy et al. 2016) as trained for the graph `inception-2015-12-05`, which defines the
/// Inception Score (Salimans et al. 2016) and FID (Heusel et al. 2017).
///
/// Source: https://github.com/toshas/torch-fidelity; parameter names are those of its file
/// `weights-inception-2015-12-05-6726825d.pth`. Other blocks than torchvision's: means do not count what
/// lies outside the image, the last block pools by maxima, and there are 1,008 classes.
public struct InceptionV3: InceptionNetwork {
  /// A part of the network.
  public enum Stage {
    /// A convolution.
    case convolution(InceptionConvolution)
    /// Pooling.
    case pooling(InceptionPooling)
    /// Branches.
    case block(InceptionBlock)
  }

  /// Height and width at which it sees images.
  public static let imageSize = 299
  /// Numbers of `InceptionOutput.pooled`.
  public static let featureCount = 2048
  /// Numbers of `InceptionOutput.spatial`.
  public static let spatialCount = 17 * 17 * spatialChannelCount
  /// Classes of `InceptionOutput.logits`.
  public static let classCount = 1008
  /// The stage whose first channels are `InceptionOutput.spatial`.
  public static let spatialStage = "Mixed_6d"
  /// The channels of `InceptionOutput.spatial`.
  public static let spatialChannelCount = 7

  /// In order, with their names.
  public let stages: [(name: String, stage: Stage)]
  /// `[1008, 2048]`
  public let classWeight: Tensor

  /// Makes all parameters at a scope.
  public init(at scope: Scope) {
    func convolution(
      _ name: String, _ input: Int, _ output: Int, _ size: Int, stride: Int = 1, padding: Int = 0
    ) -> (String, Stage) {
      let layer = InceptionConvolution(
        input, output, [size, size], stride: stride, padding: [padding, padding], at: scope / name)
      return (name, .convolution(layer))
    }
    func block(
      _ name: String, _ make: (_ scope: Scope) -> InceptionBlock
    ) -> (String, Stage) {
      (name, .block(make(scope / name)))
    }
    stages = [
      convolution("Conv2d_1a_3x3", 3, 32, 3, stride: 2),
      convolution("Conv2d_2a_3x3", 32, 32, 3),
      convolution("Conv2d_2b_3x3", 32, 64, 3, padding: 1),
      ("MaxPool_1", .pooling(.halvingMaximum)),
      convolution("Conv2d_3b_1x1", 64, 80, 1),
      convolution("Conv2d_4a_3x3", 80, 192, 3),
      ("MaxPool_2", .pooling(.halvingMaximum)),
      block("Mixed_5b") { .a(192, pooled: 32, at: $0) },
      block("Mixed_5c") { .a(256, pooled: 64, at: $0) },
      block("Mixed_5d") { .a(288, pooled: 64, at: $0) },
      block("Mixed_6a") { .b(288, at: $0) },
      block("Mixed_6b") { .c(768, inner: 128, at: $0) },
      block("Mixed_6c") { .c(768, inner: 160, at: $0) },
      block("Mixed_6d") { .c(768, inner: 160, at: $0) },
      block("Mixed_6e") { .c(768, inner: 192, at: $0) },
      block("Mixed_7a") { .d(768, at: $0) },
      block("Mixed_7b") { .e(1280, pooling: .average, at: $0) },
      block("Mixed_7c") { .e(2048, pooling: .maximum, at: $0) },
    ]
    let start = Initializer.uniform(fanIn: Self.featureCount)
    let classes = scope / "fc"
    classWeight = classes.parameter("weight", [Self.classCount, Self.featureCount], start)
    // Part of the file, not of the scores.
    _ = classes.parameter("bias", [Self.classCount], start)
  }

  /// Computes features; see `InceptionNetwork`.
  public func callAsFunction(
    _ images: Tensor, visit: (_ stage: String, _ result: Tensor) throws -> Void = { _, _ in }
  ) rethrows -> InceptionOutput {
    var x = inceptionInput(images).permuted([0, 3, 1, 2])
    var spatial = x
    for (name, stage) in stages {
      switch stage {
      case .convolution(let layer): x = layer(x)
      case .pooling(let pooling): x = pooling(x)
      case .block(let block): x = block(x)
      }
      if name == Self.spatialStage {
        spatial = x.narrowed(axis: 1, start: 0, count: Self.spatialChannelCount)
          .permuted([0, 2, 3, 1]).flattened(from: 1)
      }
      try visit(name, x)
    }
    let pooled = x.mean(axes: [2, 3])
    return InceptionOutput(
      pooled: pooled, spatial: spatial, logits: pooled.matmul(classWeight.transposed()))
  }
}
