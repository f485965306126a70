public import Layers
public import Models
public import Torch

/// A DiT turned into a plan for sampling: weights laid out for the matrix products, bias and
/// activation fused into them, modulation computed ahead, residual, norm and modulation in one pass.
///
/// It computes what `DiT` computes, to rounding.
public final class CompiledDiT: DiTRunner {
  private let stem: DiT
  private let patchWeight: Tensor  // [D, C p p]
  private let blocks: [CompiledBlock]
  private let modulations: [Linear]
  private let dtype: DType
  private let device: Device

  /// Compiles a model, part by part, so that few weights are held twice at any time.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - dtype: the type of the parameters, and of the computation.
  ///   - device: where the parameters lie.
  ///   - parameters: a fresh store over the model's parameters, asked for with each part.
  ///   - partDone: called after each part; what it was made from is not needed any more.
  public init(
    _ config: DiTConfig, dtype: DType, device: Device, parameters: () -> ParameterStore,
    partDone: () -> Void = {}
  ) {
    self.dtype = dtype
    self.device = device
    var head = config
    head.depth = 0
    stem = DiT(head, at: parameters().root)
    patchWeight = stem.patchEmbed.projection.weight.flattened(from: 1)
    var blocks: [CompiledBlock] = []
    var modulations: [Linear] = []
    for index in 0..<config.depth {
      let block = DiTBlock(config, at: parameters().root / "blocks" / index)
      blocks.append(CompiledBlock(block))
      modulations.append(block.modulation)
      partDone()
    }
    self.blocks = blocks
    self.modulations = modulations + [stem.finalLayer.modulation]
  }

  /// See `DiTRunner`.
  public func prepared(labels: [Int], timesteps: [Int]) -> PreparedDiT {
    var places: [Int: Int] = [:]
    var distinct: [Int] = []
    for label in labels where places[label] == nil {
      places[label] = distinct.count
      distinct.append(label)
    }
    let rows = Tensor(labels.map { places[$0] ?? 0 }).to(device)
    let schedule = withoutGradients {
      ModulationSchedule(
        stem, layers: modulations, labels: distinct, timesteps: timesteps.reversed(),
        device: device)
    }
    return { latents, timestep in
      withoutGradients {
        self.forward(latents.to(self.dtype), rows: rows, tables: schedule.tables(at: timestep))
          .to(.float32)
      }
    }
  }

  private func forward(_ latents: Tensor, rows: Tensor, tables: [ModulationTable]) -> Tensor {
    let width = stem.config.hiddenSize
    let x = tokens(latents)  // [N, T, D], updated in place
    var h = normModulate(x, labels: rows, table: tables[0], shift: 0, scale: width, epsilon: 1e-6)
    for (index, block) in blocks.enumerated() {
      let (table, next) = (tables[index], tables[index + 1])
      h = addResidualAndNormModulate(
        x, residual: block.attention(h), labels: rows, gates: table, gate: 2 * width,
        table: table, shift: 3 * width, scale: 4 * width, epsilon: 1e-6)
      h = addResidualAndNormModulate(
        x, residual: block.mlp(h), labels: rows, gates: table, gate: 5 * width,
        table: next, shift: 0, scale: width, epsilon: 1e-6)
    }
    return stem.unpatchified(stem.finalLayer.linear(h))
  }

  /// Patches as tokens: the convolution as a matrix product, `[N, C, H, W]` to `[N, T, D]`.
  private func tokens(_ latents: Tensor) -> Tensor {
    let (n, c) = (latents.size(0), latents.size(1))
    let (g, p) = (stem.config.gridSize, stem.config.patchSize)
    let patches = latents.reshaped([n, c, g, p, g, p]).permuted([0, 2, 4, 1, 3, 5])
      .reshaped([n, g * g, c * p * p])
    return linear(patches, weight: patchWeight, bias: stem.patchEmbed.projection.bias)
      + stem.positions
  }
}

/// A block without its modulation, which is computed ahead.
struct CompiledBlock {
  private let headCount: Int
  private let qkv: PackedLinear
  private let projection: PackedLinear
  private let fc1: PackedLinear
  private let fc2: PackedLinear

  init(_ block: DiTBlock) {
    headCount = block.attention.headCount
    qkv = PackedLinear(block.attention.qkv)
    projection = PackedLinear(block.attention.projection)
    fc1 = PackedLinear(block.mlp.fc1)
    fc2 = PackedLinear(block.mlp.fc2)
  }

  /// Self-attention; queries, keys and values are read where the projection wrote them.
  func attention(_ h: Tensor) -> Tensor {
    let (n, t, d) = (h.size(0), h.size(1), h.size(2))
    let heads = qkv(h).reshaped([n, t, 3, headCount, d / headCount]).permuted([2, 0, 3, 1, 4])
    let mixed = scaledDotProductAttention(query: heads[0], key: heads[1], value: heads[2])
    return projection(mixed.transposed(1, 2).reshaped([n, t, d]))
  }

  /// The feed-forward part.
  func mlp(_ h: Tensor) -> Tensor { fc2(fc1(h, activation: .geluTanh)) }
}

extension PackedLinear {
  init(_ linear: Linear) { self.init(weight: linear.weight, bias: linear.bias) }
}
