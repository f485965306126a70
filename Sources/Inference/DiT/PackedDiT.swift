public import Layers
public import Models
public import Torch

/// A DiT packed for sampling: weights laid out for the matrix products, bias and activation fused into
/// them, modulation computed ahead, residual, norm and modulation in one pass.
///
/// It computes what `DiT` computes, to rounding. A device that records graphs, such as a CUDA GPU,
/// records a step and replays it. Number formats:
///
/// | | CPU | CPU, int8 | GPU | GPU, fp8 |
/// |---|---|---|---|---|
/// | linear layers of the blocks | precision | int8 | precision | fp8 |
/// | attention | precision | float32 | precision | bfloat16 |
/// | tokens, patch embedding, final layer | float32 | float32 | precision | bfloat16 |
/// | norms, modulation | float32 | float32 | float32 | float32 |
public final class PackedDiT: DiTRunner {
  private let network: DiTNetwork<PackedLinear>
  /// Where each vector of each modulation begins in a row of the table.
  private let offsets: [[Int]]
  private let tokenFormat: ActivationFormat
  private let device: Device
  /// Bytes that the modulation vectors computed at once may take.
  var modulationBudget = ModulationSchedule.budget
  /// Whether the steps of the last batch were recorded, and if not, why.
  public private(set) var recording = DeviceGraph.Recording.none

  /// Packs a model part by part, so that few weights are in memory twice.
  ///
  /// - Parameters:
  ///   - config: the shape of the model.
  ///   - precision: the number format of the linear layers; not `auto`.
  ///   - device: the device of the parameters.
  ///   - parameters: returns a new store over the model's parameters, in the precision's
  ///     `parameterType`; called for each part.
  ///   - partDone: called after each part, when its unpacked weights are no longer needed.
  /// - Throws: `InferenceError` for int8 and fp8, if weights are not finite or the hardware does not
  ///   support the format.
  public init(
    _ config: DiTConfig, precision: Precision, device: Device, parameters: () -> ParameterStore,
    partDone: () -> Void = {}
  ) throws(InferenceError) {
    let format = precision.linearFormat
    tokenFormat = device.capabilities.hasPackedKernels ? .float32 : format.resultFormat
    self.device = device
    var withoutBlocks = config
    withoutBlocks.depth = 0
    let stem = DiT(withoutBlocks, at: parameters().root)
    let positions = config.rotaryPositions(on: device)
    var blocks: [DiTBlock<PackedLinear>] = []
    for index in 0..<config.depth {
      let block = DiTBlock(
        config, positions: positions, at: parameters().root / "blocks" / index)
      let branches = try block.branches.packed("blocks.\(index)", precision)
      blocks.append(DiTBlock(branches, modulation: block.modulation))
      partDone()
    }
    network = DiTNetwork(
      stem, config: config, blocks: blocks, convertingTo: tokenFormat.dtype)
    var start = 0
    offsets = network.modulations.map { modulation in
      let range = start..<start + modulation.linear.outputCount
      start = range.upperBound
      return Array(stride(from: range.lowerBound, to: range.upperBound, by: config.hiddenSize))
    }
  }

  /// Sets the labels and known times of a batch; modulation is computed ahead, many steps at once.
  public func bind(labels: [Int], times: [Double], cache: FeatureCache) -> ConditionedDiT {
    let network = bound(labels, times: times, cache: cache)
    return { network($0, $1, 0) }
  }

  /// Sets the labels of a batch.
  public func bindAverage(labels: [Int]) -> AverageDiT {
    let network = bound(labels, times: [], cache: .off)
    return { network($0, $1, $2 - $1) }
  }

  /// The network for some labels: latents, time and span to the prediction.
  private func bound(
    _ labels: [Int], times: [Double], cache: FeatureCache
  ) -> (Tensor, Double, Double) -> Tensor {
    var indices: [Int: Int] = [:]
    var distinct: [Int] = []
    for label in labels where indices[label] == nil {
      indices[label] = distinct.count
      distinct.append(label)
    }
    let labelIndices = Tensor(labels.map { indices[$0] ?? 0 }).to(device)
    let schedule = withoutGradients {
      ModulationSchedule(
        network, labels: distinct, times: times, device: device, budget: modulationBudget)
    }
    let type = tokenFormat.dtype
    let forecast = BlockForecast(cache)
    guard !device.capabilities.hasPackedKernels else {
      return { latents, time, span in
        withoutGradients {
          let rows = labelIndices[0..<latents.size(0)]
          let table = ModulationTable(schedule.table(at: time, span: span), labels: rows)
          let change = forecast?.change(at: time, rowCount: latents.size(0))
          return self.forward(latents.to(type), table, adding: change, keep: forecast?.keep)
            .to(.float32)
        }
      }
    }
    var steps: [Int: (take: BufferedStep, change: Tensor?)] = [:]  // by rows
    return { latents, time, span in
      withoutGradients {
        let count = latents.size(0)
        let table = schedule.table(at: time, span: span)
        let rows = labelIndices[0..<count]
        if let change = forecast?.change(at: time, rowCount: count) {
          return self.forward(
            latents.to(type), ModulationTable(table, labels: rows), adding: change
          ).to(.float32)
        }
        let step =
          steps[count]
          ?? self.recorded(latents.to(type), table, rows: rows, keepsChange: forecast != nil)
        if !hasTorchErrors { steps[count] = step }
        self.recording = step.take.recording
        let output = step.take(latents, table).to(.float32)
        if let change = step.change { forecast?.keep(change.cloned) }
        return output
      }
    }
  }

  /// A step with fixed buffers, one of them for what the blocks add to the tokens, if that is kept.
  private func recorded(
    _ latents: Tensor, _ table: Tensor, rows: Tensor, keepsChange: Bool
  ) -> (take: BufferedStep, change: Tensor?) {
    let shape = [latents.size(0), network.config.tokenCount, network.config.hiddenSize]
    let change = keepsChange ? Tensor.zeros(shape, device: device) : nil
    let step = BufferedStep(latents: latents, table: table) {
      self.forward(
        $0, ModulationTable($1, labels: rows),
        keep: change.map { buffer in { buffer.copyInPlace(from: $0) } })
    }
    return (step, change)
  }

  /// Predicts for some rows.
  ///
  /// - Parameters:
  ///   - latents: `[R, C, H, W]`
  ///   - table: the modulation of the rows.
  ///   - change: added to the tokens in place of the blocks, `[R, T, D]`, float32; nil to run them.
  ///   - keep: told what the blocks have added, in the same shape.
  /// - Returns: `[R, C or 2 C, H, W]`
  private func forward(
    _ latents: Tensor, _ table: ModulationTable, adding change: Tensor? = nil,
    keep: ((Tensor) -> Void)? = nil
  ) -> Tensor {
    func vectors(_ index: Int) -> [ModulationVector] { offsets[index].map { table[$0] } }
    // libtorch's products serve both ends of the network: their weights are not packed.
    let patches = withPlainOperators { network.patchEmbed.byMatrixProduct(latents) }
    let embedded = patches + network.positions
    let tokens = change.map { (embedded.to(.float32) + $0).to(embedded.dtype) } ?? embedded
    let isKept = change == nil && keep != nil
    let embedding = isKept ? embedded.cloned : nil
    return network(
      PackedStream(tokens, format: tokenFormat),
      block: { if change == nil { network.blocks[$0].branches(&$1, modulatedBy: vectors($0)) } },
      finalLayer: { stream in
        let normalized = network.finalLayer.norm(
          &stream, modulatedBy: vectors(network.blocks.count))
        // The stream has updated the tokens in place.
        if let embedding { keep?(tokens.to(.float32) - embedding.to(.float32)) }
        return withPlainOperators { network.finalLayer.linear(normalized) }
      })
  }
}
