public import Layers
public import Models
public import Torch

/// A DiT turned into a plan for sampling: weights laid out for the matrix products, bias and
/// activation fused into them, modulation computed ahead, residual, norm and modulation in one pass.
///
/// It computes what `DiT` computes, to rounding. The precision is that of the blocks' linear layers
/// (and of attention, but for 8 bits); norms and modulation are float32, and on a processor tokens,
/// embedding and final layer too, which elsewhere have the precision of attention. Where the device
/// records graphs, a step is one.
public final class PackedDiT: DiTRunner {
  private let stem: DiT
  private let patchWeight: Tensor  // [D, C p p]
  private let patchBias: Tensor?
  private let positions: Tensor  // [1, T, D]
  private let finalWeight: Tensor
  private let finalBias: Tensor?
  private let blocks: [CompiledBlock]
  private let modulations: [Linear]
  private let format: ActivationFormat  // of what the linear layers take
  private let tokenFormat: ActivationFormat  // of tokens between the layers, embedding and final layer
  private let device: Device
  /// Whether and why not the steps of the last batch were recorded.
  public private(set) var recording = DeviceGraph.Recording.none

  /// Compiles a model, part by part, so that few weights are held twice at any time.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - precision: the number format of the linear layers, settled: not `auto`.
  ///   - device: where the parameters lie.
  ///   - parameters: a fresh store over the model's parameters, asked for with each part, in the
  ///     precision's `parameterType`.
  ///   - partDone: called after each part; what it was made from is not needed any more.
  /// - Throws: `InferenceError` for int8 and fp8, if weights are not finite or the hardware cannot.
  public init(
    _ config: DiTConfig, precision: Precision, device: Device, parameters: () -> ParameterStore,
    partDone: () -> Void = {}
  ) throws(InferenceError) {
    format = precision.linearFormat
    tokenFormat = device.capabilities.hasPackedKernels ? .float32 : format.resultFormat
    self.device = device
    var head = config
    head.depth = 0
    stem = DiT(head, at: parameters().root)
    let type = tokenFormat.dtype
    patchWeight = stem.patchEmbed.projection.weight.flattened(from: 1).to(type)
    patchBias = stem.patchEmbed.projection.bias?.to(type)
    positions = stem.positions.to(type)
    finalWeight = stem.finalLayer.linear.weight.to(type)
    finalBias = stem.finalLayer.linear.bias?.to(type)
    var blocks: [CompiledBlock] = []
    var modulations: [Linear] = []
    for index in 0..<config.depth {
      let block = DiTBlock(config, at: parameters().root / "blocks" / index)
      blocks.append(try CompiledBlock(block, index: index, precision: precision))
      modulations.append(block.modulation)
      partDone()
    }
    self.blocks = blocks
    self.modulations = modulations + [stem.finalLayer.modulation]
  }

  /// See `DiTRunner`.
  public func bind(labels: [Int], timesteps: [Int]) -> ConditionedDiT {
    var places: [Int: Int] = [:]
    var distinct: [Int] = []
    for label in labels where places[label] == nil {
      places[label] = distinct.count
      distinct.append(label)
    }
    let labelIndices = Tensor(labels.map { places[$0] ?? 0 }).to(device)
    let schedule = withoutGradients {
      ModulationSchedule(
        stem, layers: modulations, labels: distinct, timesteps: timesteps.reversed(),
        device: device)
    }
    let type = tokenFormat.dtype
    guard !device.capabilities.hasPackedKernels else {
      return { latents, timestep in
        withoutGradients {
          self.forward(
            latents.to(type), labelIndices: labelIndices, table: schedule.table(at: timestep)
          )
          .to(.float32)
        }
      }
    }
    var step: BufferedStep?
    return { latents, timestep in
      withoutGradients {
        let table = schedule.table(at: timestep)
        let current =
          step
          ?? BufferedStep(latents: latents.to(type), table: table) {
            self.forward($0, labelIndices: labelIndices, table: $1)
          }
        step = current
        self.recording = current.recording
        return current(latents, table).to(.float32)
      }
    }
  }

  private func forward(_ latents: Tensor, labelIndices: Tensor, table: Tensor) -> Tensor {
    let width = stem.config.hiddenSize
    let table = ModulationTable(table)
    let x = tokens(latents)  // [N, T, D], updated in place
    var h = normModulate(
      x, labels: labelIndices, table: table, shift: 0, scale: width, epsilon: 1e-6,
      as: blocks.isEmpty ? tokenFormat : format)
    for (index, block) in blocks.enumerated() {
      let place = 6 * width * index  // where the block's six vectors begin in the table
      h = addResidualAndNormModulate(
        x, residual: block.attention(h), labels: labelIndices, gates: table,
        gate: place + 2 * width,
        table: table, shift: place + 3 * width, scale: place + 4 * width, epsilon: 1e-6, as: format)
      h = addResidualAndNormModulate(
        x, residual: block.mlp(h), labels: labelIndices, gates: table, gate: place + 5 * width,
        table: table, shift: place + 6 * width, scale: place + 7 * width, epsilon: 1e-6,
        as: index + 1 < blocks.count ? format : tokenFormat)
    }
    let patches = withPlainOperators { linear(h.values, weight: finalWeight, bias: finalBias) }
    return stem.unpatchified(patches)
  }

  /// Patches as tokens: the convolution as a matrix product, `[N, C, H, W]` to `[N, T, D]`.
  private func tokens(_ latents: Tensor) -> Tensor {
    let (n, c, _, _) = latents.size4
    let (g, p) = (stem.config.gridSize, stem.config.patchSize)
    let patches = latents.reshaped([n, c, g, p, g, p]).permuted([0, 2, 4, 1, 3, 5])
      .reshaped([n, g * g, c * p * p])
    return withPlainOperators { linear(patches, weight: patchWeight, bias: patchBias) } + positions
  }
}
