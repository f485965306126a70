public import Layers
public import Models
public import Torch

/// A DINOv2 packed for features of images: weights laid out for the matrix products, bias and GELU fused
/// into them; residual, LayerScale and norm in one pass. float32.
///
/// It computes what `DINOv2` computes, to rounding.
public final class PackedDINOv2 {
  private let network: DINOv2Network<PackedLinear>
  /// Those of images of `imageSize`.
  private let positions: Tensor
  /// All vectors of the network side by side, `[1, S]`.
  private let table: Tensor

  /// Height and width of images in pixels.
  public let imageSize: Int
  /// The shape of the network.
  public var config: DINOv2Config { network.config }

  /// Packs a network part by part, so that few weights are in memory twice.
  ///
  /// - Parameters:
  ///   - config: the shape of the network.
  ///   - imageSize: height and width of images in pixels, a multiple of the patch size.
  ///   - parameters: returns a new store over the network's parameters, float32, all on one device;
  ///     called for each part.
  ///   - partDone: called after each part, when its unpacked weights are no longer needed.
  public init(
    _ config: DINOv2Config, imageSize: Int, parameters: () -> ParameterStore,
    partDone: () -> Void = {}
  ) {
    guard imageSize > 0, imageSize.isMultiple(of: config.patchSize) else {
      fatalError("images of \(imageSize) in patches of \(config.patchSize)")
    }
    self.imageSize = imageSize
    (network, positions, table) = withoutGradients {
      var withoutBlocks = config
      withoutBlocks.depth = 0
      let stem = DINOv2(withoutBlocks, at: parameters().root)
      let blocks = (0..<config.depth).map { index in
        let block = DINOv2Block(config, at: parameters().root / "blocks" / index).map {
          PackedLinear(weight: $0.weight, bias: $0.bias)
        }
        partDone()
        return block
      }
      let network = DINOv2Network(stem, config: config, blocks: blocks)
      let side = imageSize / config.patchSize
      return (
        network, network.positions(rows: side, columns: side),
        concatenated(network.vectors).expandingDims(at: 0).contiguous
      )
    }
  }

  /// The feature of images.
  ///
  /// - Parameters:
  ///   - images: `[N, 3, imageSize, imageSize]`, with ImageNet's mean and deviation taken out.
  ///   - check: called before each block; throws to stop.
  /// - Returns: the class token after the last norm, `[N, D]`
  public func callAsFunction(
    _ images: Tensor, check: () throws -> Void = {}
  ) rethrows -> Tensor {
    try withoutGradients {
      let labels = Tensor.zeros([images.size(0)], dtype: .int64, device: images.device)
      let table = ModulationTable(self.table, labels: labels)
      let vectors = stride(from: 0, to: self.table.size(1), by: config.width).map { table[$0] }
      // libtorch's product serves the patches: their weight is not packed.
      let patches = withPlainOperators { network.patchEmbed.byMatrixProduct(images) }
      return try network.classToken(
        of: PackedStream(network.tokens(patches, positions: positions), format: .float32),
        vectors: vectors, check: check)
    }
  }
}
