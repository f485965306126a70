public import Layers
public import Models
public import Torch

// N images, S numbers of all vectors, D width.

/// The network of improved MeanFlow packed for sampling: weights laid out for the matrix products, norms
/// and scales of the channels in one pass with the residual.
///
/// It computes what `MeanFlow` computes, to rounding. The number formats are those of `PackedDiT`, with the
/// conditions in float32.
public final class PackedMeanFlow: MeanFlowRunner {
  private let network: MeanFlowNetwork<PackedLinear>
  /// The vectors of the norms and scales side by side, `[1, S]`, float32.
  private let table: Tensor
  private let tokenFormat: ActivationFormat
  private let device: Device

  /// Packs a network part by part, so that few weights are in memory twice.
  ///
  /// - Parameters:
  ///   - config: the shape of the network.
  ///   - precision: the number format of the blocks; not `auto`.
  ///   - device: the device of the parameters.
  ///   - parameters: returns a new store over the network's parameters, in the precision's
  ///     `parameterType`; called for each part.
  ///   - partDone: called after each part, when its unpacked weights are no longer needed.
  /// - Throws: `InferenceError` for int8 and fp8, if weights are not finite or the hardware does not
  ///   support the format.
  public init(
    _ config: MeanFlowConfig, precision: Precision, device: Device,
    parameters: () -> ParameterStore, partDone: () -> Void = {}
  ) throws(InferenceError) {
    let format = precision.linearFormat
    tokenFormat = device.capabilities.hasPackedKernels ? .float32 : format.resultFormat
    self.device = device
    var stemConfig = config
    (stemConfig.depth, stemConfig.headDepth, stemConfig.hasVelocityHead) = (0, 0, false)
    let stem = MeanFlow(stemConfig, at: parameters().root)
    let positions = config.rotaryPositions(on: device)
    var blocks: [MeanFlowBlock<PackedLinear>] = []
    for (name, count) in [("shared_blocks", config.sharedDepth), ("u_heads", config.headDepth)] {
      for index in 0..<count {
        let block = MeanFlowBlock(
          config, positions: positions, at: parameters().root / name / index)
        let branches = try block.branches.packed("\(name).\(index)", precision)
        blocks.append(
          MeanFlowBlock(
            branches, attentionScale: block.attentionScale, mlpScale: block.mlpScale))
        partDone()
      }
    }
    network = MeanFlowNetwork(
      stem, config: config, blocks: blocks, convertingTo: tokenFormat.dtype)
    table = concatenated(network.vectors).to(.float32).expandingDims(at: 0).contiguous
  }

  /// Sets the labels and the guidance of a batch.
  public func bind(labels: [Int], guidance: MeanFlowGuidance) -> ConditionedMeanFlow {
    let labels = Tensor(labels).to(device)
    let type = tokenFormat.dtype
    let rows = Tensor.zeros([labels.size(0)], dtype: .int64, device: device)
    var step: BufferedStep?
    return { latents, span in
      withoutGradients {
        let conditions = self.network.prefix(guidance.conditions(span: span, labels: labels))
          .to(type)
        let latents = latents.to(type)
        guard !self.device.capabilities.hasPackedKernels else {
          return self.forward(latents, conditions, rows: rows)
        }
        let buffered =
          step
          ?? BufferedStep(latents: latents, table: conditions) {
            self.forward($0, $1, rows: rows)
          }
        if !hasTorchErrors { step = buffered }
        return buffered(latents, conditions).to(.float32)
      }
    }
  }

  /// The average velocity.
  ///
  /// - Parameters:
  ///   - latents: `[N, C, H, W]`
  ///   - conditions: the tokens before the patches, `[N, P, D]`
  ///   - rows: the row of the table for each image, `[N]`: always 0.
  /// - Returns: `[N, C, H, W]`
  private func forward(_ latents: Tensor, _ conditions: Tensor, rows: Tensor) -> Tensor {
    let vectors = ModulationTable(table, labels: rows)
    let places = stride(from: 0, to: table.size(1), by: network.config.hiddenSize)
    // libtorch's products serve both ends of the network: their weights are not packed.
    let patches = withPlainOperators { network.patchEmbed.byMatrixProduct(latents) }
    return network.average(
      of: PackedStream(concatenated([conditions, patches], axis: 1), format: tokenFormat),
      vectors: places.map { vectors[$0] })
  }
}
