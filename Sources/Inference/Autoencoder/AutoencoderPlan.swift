internal import Layers
internal import Models
internal import Torch

// The parts of encoder and decoder, over images with channels last.
// N images, C channels, H W image, T = H W tokens.

/// Two convolutions after norms, with a residual connection.
struct ResidualPlan {
  private let norm1: GroupNorm
  private let conv1: PackedConvolution
  private let norm2: GroupNorm
  private let conv2: PackedConvolution
  private let shortcut: PackedLinear?

  init(_ block: ResidualBlockKL) {
    norm1 = block.norm1
    conv1 = PackedConvolution(block.conv1)
    norm2 = block.norm2
    conv2 = PackedConvolution(block.conv2)
    shortcut = block.shortcut.map {
      PackedLinear(weight: $0.weight.flattened(from: 1), bias: $0.bias)
    }
  }

  /// Replaces the images by the results.
  ///
  /// - Parameters:
  ///   - memory: the images.
  ///   - check: called between convolutions; throws to stop.
  func callAsFunction(_ memory: inout ImageMemory, _ check: () throws -> Void) rethrows {
    try check()
    let norm = norm1.factors(of: memory.images)
    let inner: Tensor
    if let shortcut {
      inner = try memory.split { strip in
        try check()
        let pixels = strip.image.flattened(from: 1, through: 2)  // [1, H W, C_in]
        return (
          shortcut(Activations(pixels, as: .float32)),
          conv1(strip.rows, norm: norm[strip.index], neighbors: strip.neighbors)
        )
      }
    } else {
      inner = memory.neighbor
      conv1.write(memory.images, norm: norm, to: inner)
    }
    try check()
    conv2.add(inner, norm: norm2.factors(of: inner), to: memory.images)
  }
}

/// The residual blocks of a stage, each followed by attention if the stage has it.
struct StagePlan {
  private let blocks: [ResidualPlan]
  private let attentions: [AttentionPlan]

  init(_ stage: StageKL) {
    blocks = stage.blocks.map(ResidualPlan.init(_:))
    attentions = stage.attentions.map(AttentionPlan.init(_:))
  }

  /// Replaces the images by the results; `check` throws to stop.
  func callAsFunction(_ memory: inout ImageMemory, _ check: () throws -> Void) rethrows {
    for (index, block) in blocks.enumerated() {
      try block(&memory, check)
      if !attentions.isEmpty { try attentions[index](&memory, check) }
    }
  }
}

/// Two residual blocks, with attention between them unless the model has none.
struct MiddlePlan {
  private let first: ResidualPlan
  private let attention: AttentionPlan?
  private let second: ResidualPlan

  init(_ middle: MiddleKL) {
    first = ResidualPlan(middle.first)
    attention = middle.attention.map(AttentionPlan.init(_:))
    second = ResidualPlan(middle.second)
  }

  /// Replaces the images by the results; `check` throws to stop.
  func callAsFunction(_ memory: inout ImageMemory, _ check: () throws -> Void) rethrows {
    try first(&memory, check)
    try attention?(&memory, check)
    try second(&memory, check)
  }
}

/// Single-head attention among the pixels of an image.
private struct AttentionPlan {
  private let norm: GroupNorm
  private let query: PackedLinear
  private let key: PackedLinear
  private let value: PackedLinear
  private let output: PackedLinear

  init(_ attention: SpatialAttentionKL) {
    func packed(_ layer: Linear) -> PackedLinear {
      PackedLinear(weight: layer.weight, bias: layer.bias)
    }
    norm = attention.norm
    query = packed(attention.query)
    key = packed(attention.key)
    value = packed(attention.value)
    output = packed(attention.output)
  }

  /// Replaces the images by the results; `check` throws to stop.
  func callAsFunction(_ memory: inout ImageMemory, _ check: () throws -> Void) rethrows {
    let results = try memory.images.mapImages { image in
      try check()
      return self(image)
    }
    memory.images.copyInPlace(from: results)
  }

  /// `[1, H, W, C]` to `[1, H, W, C]`
  private func callAsFunction(_ x: Tensor) -> Tensor {
    let (count, height, width, channels) = x.size4
    let factors = norm.factors(of: x)
    let tokens = x.reshaped([count, height * width, channels])  // [1, T, C]
    let h = factors.offsets.expandingDims(at: 1).addingProduct(
      tokens, factors.factors.expandingDims(at: 1))
    let rows = Activations(h, as: .float32)
    func head(_ layer: PackedLinear) -> Tensor { layer(rows).expandingDims(at: 1) }  // [1, 1, T, C]
    let mixed = scaledDotProductAttention(query: head(query), key: head(key), value: head(value))
    let result = output(Activations(mixed.squeezingDim(at: 1), as: .float32))
    return (tokens + result).reshaped([count, height, width, channels])
  }
}

extension Tensor {
  /// Processes images one by one, so that results do not depend on the batch, not even by rounding.
  func mapImages(_ body: (Tensor) throws -> Tensor) rethrows -> Tensor {
    concatenated(try (0..<size(0)).map { try body(self[$0..<$0 + 1]) })
  }
}

extension PackedConvolution {
  /// The layer, packed.
  init(_ layer: Conv2d) { self.init(weight: layer.weight, bias: layer.bias) }
}

extension GroupNorm {
  /// The norm of `[N, H, W, C]` as factors and offsets, which the next convolution applies.
  func factors(of x: Tensor) -> ChannelFactors {
    ChannelFactors(
      ofGroupNorm: x, groupCount: groupCount, weight: weight.contiguous, bias: bias.contiguous,
      epsilon: epsilon)
  }
}

extension StageWidths {
  /// The widths of a stage's blocks.
  init(_ blocks: [ResidualBlockKL]) {
    self.init(input: blocks[0].conv1.weight.size(1), output: blocks[0].conv1.weight.size(0))
  }
}
