public import Layers
public import Torch

// N batch, H W image, T tokens (the class token first), D width.

/// A DINOv2 as written, over plain linear layers: the reference for the packed one.
public typealias DINOv2 = DINOv2Network<Linear>

/// A DINOv2 (Oquab et al. 2023) over some kind of linear layer: a Vision Transformer (Dosovitskiy et al.
/// 2021) with LayerScale (Touvron et al. 2021).
///
/// Parameter names and their order are those of the published files, without the mask token of training.
public struct DINOv2Network<Layer: LinearLayer> {
  /// The shape of the network.
  public let config: DINOv2Config
  /// `[1, 1, D]`
  public let classToken: Tensor
  /// `[1, 1 + gridSize², D]`
  public let positions: Tensor
  /// Patches to tokens.
  public let patchEmbed: PatchEmbed
  /// The transformer.
  public let blocks: [DINOv2Block<Layer>]
  /// The last norm.
  public let norm: LayerNorm

  /// The network over other blocks.
  ///
  /// - Parameters:
  ///   - stem: the rest of the network.
  ///   - config: the shape of the whole network.
  ///   - blocks: as many as the configuration says.
  package init(_ stem: DINOv2, config: DINOv2Config, blocks: [DINOv2Block<Layer>]) {
    self.config = config
    classToken = stem.classToken
    positions = stem.positions
    patchEmbed = stem.patchEmbed
    norm = stem.norm
    self.blocks = blocks
  }

  /// The vectors of the norms and of LayerScale as a `ResidualStream` takes them, in the order of their
  /// use: six for each block, then two for the last norm. `[D]` each.
  package var vectors: [Tensor] {
    blocks.flatMap { block in
      [
        block.norm1.bias, block.norm1.weight - 1, block.scale1,
        block.norm2.bias, block.norm2.weight - 1, block.scale2,
      ]
    } + [norm.bias, norm.weight - 1]
  }

  /// The positions of an image's tokens.
  ///
  /// Those of another number of patches come from a cubic interpolation. It is that of the published
  /// program, by which published Fréchet distances were computed: the grid is taken for 0.1 patches
  /// larger than it is. Hugging Face's program leaves that out, and its features differ.
  ///
  /// - Parameters:
  ///   - rows: patches from top to bottom.
  ///   - columns: patches from left to right.
  /// - Returns: `[1, 1 + rows columns, D]`
  public func positions(rows: Int, columns: Int) -> Tensor {
    let (grid, width) = (config.gridSize, config.width)
    guard (rows, columns) != (grid, grid) else { return positions }
    let patches = positions.narrowed(axis: 1, start: 1, count: grid * grid)
      .reshaped([1, grid, grid, width]).permuted([0, 3, 1, 2])
    let offset = 0.1
    let interpolated = resizedBicubicWithoutFilter(
      patches, height: rows, width: columns,
      scales: ((Double(rows) + offset) / Double(grid), (Double(columns) + offset) / Double(grid)))
    return concatenated(
      [
        positions.narrowed(axis: 1, start: 0, count: 1),
        interpolated.permuted([0, 2, 3, 1]).reshaped([1, rows * columns, width]),
      ], axis: 1)
  }

  /// Patches, the class token before them, with their positions.
  ///
  /// - Parameters:
  ///   - patches: `[N, T - 1, D]`
  ///   - positions: `[1, T, D]`
  /// - Returns: `[N, T, D]`
  package func tokens(_ patches: Tensor, positions: Tensor) -> Tensor {
    concatenated([classToken.expanded(to: [patches.size(0), 1, config.width]), patches], axis: 1)
      + positions
  }

  /// The blocks and the last norm.
  ///
  /// - Parameters:
  ///   - x: tokens with their positions.
  ///   - vectors: those of `vectors`, as the stream takes them.
  ///   - check: called before each block.
  /// - Returns: the class token, `[N, D]`
  package func classToken(
    of x: Layer.Stream, vectors: [Layer.Stream.Vector], check: () throws -> Void
  ) rethrows -> Tensor {
    var x = x
    for (index, block) in blocks.enumerated() {
      try check()
      block(&x, Array(vectors[6 * index..<6 * index + 6]))
    }
    let last = vectors.suffix(2)
    return x.normalized(shift: last[last.startIndex], scale: last[last.startIndex + 1])
      .selected(axis: 1, index: 0)
  }
}

extension DINOv2Network where Layer == Linear {
  /// Makes all parameters at a scope.
  public init(_ config: DINOv2Config, at scope: Scope) {
    self.config = config
    let start = Initializer.normal(standardDeviation: 0.02)
    classToken = scope.parameter("cls_token", [1, 1, config.width], start)
    positions = scope.parameter(
      "pos_embed", [1, 1 + config.gridSize * config.gridSize, config.width], start)
    patchEmbed = PatchEmbed(
      3, config.width, patchSize: config.patchSize, at: scope / "patch_embed")
    blocks = (0..<config.depth).map { DINOv2Block(config, at: scope / "blocks" / $0) }
    norm = LayerNorm(config.width, at: scope / "norm")
  }

  /// The feature of images.
  ///
  /// - Parameters:
  ///   - images: `[N, 3, H, W]`, with ImageNet's mean and deviation taken out; H and W are multiples of
  ///     the patch size.
  ///   - check: called before each block; throws to stop.
  /// - Returns: the class token after the last norm, `[N, D]`
  public func callAsFunction(
    _ images: Tensor, check: () throws -> Void = {}
  ) rethrows -> Tensor {
    let (count, _, height, width) = images.size4
    let positions = positions(
      rows: height / config.patchSize, columns: width / config.patchSize)
    let vectors = vectors.map { $0.expanded(to: [count, 1, config.width]) }
    return try classToken(
      of: PlainStream(tokens(patchEmbed(images), positions: positions)), vectors: vectors,
      check: check)
  }
}
