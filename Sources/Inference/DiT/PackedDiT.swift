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
    var blocks: [DiTBlock<PackedLinear>] = []
    for index in 0..<config.depth {
      let block = DiTBlock(config, at: parameters().root / "blocks" / index)
      blocks.append(try block.packed(index, precision))
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
  public func bind(labels: [Int], times: [Double]) -> ConditionedDiT {
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
    guard !device.capabilities.hasPackedKernels else {
      return { latents, time in
        withoutGradients {
          let table = ModulationTable(schedule.table(at: time), labels: labelIndices)
          return self.forward(latents.to(type), table).to(.float32)
        }
      }
    }
    var step: BufferedStep?
    return { latents, time in
      withoutGradients {
        let table = schedule.table(at: time)
        let current =
          step
          ?? BufferedStep(latents: latents.to(type), table: table) {
            self.forward($0, ModulationTable($1, labels: labelIndices))
          }
        if !hasTorchErrors { step = current }
        self.recording = current.recording
        return current(latents, table).to(.float32)
      }
    }
  }

  private func forward(_ latents: Tensor, _ table: ModulationTable) -> Tensor {
    func vectors(_ index: Int) -> [ModulationVector] { offsets[index].map { table[$0] } }
    // libtorch's products serve both ends of the network: their weights are not packed.
    let patches = withPlainOperators { network.patchEmbed.byMatrixProduct(latents) }
    return network(
      PackedStream(patches + network.positions, format: tokenFormat),
      block: { network.blocks[$0](&$1, modulatedBy: vectors($0)) },
      finalLayer: { tokens in
        let normalized = network.finalLayer.norm(
          &tokens, modulatedBy: vectors(network.blocks.count))
        return withPlainOperators { network.finalLayer.linear(normalized) }
      })
  }
}

extension DiTBlock where Layer == Linear {
  /// The block with its weights laid out for inference.
  ///
  /// - Parameters:
  ///   - index: of the block, for messages.
  ///   - precision: the number format of the linear layers.
  /// - Returns: the block, with the same modulation.
  /// - Throws: `InferenceError` for 8 bits, if weights are not finite or the hardware does not support
  ///   the format.
  fileprivate func packed(
    _ index: Int, _ precision: Precision
  ) throws(InferenceError) -> DiTBlock<PackedLinear> {
    try map { (name, layer) throws(InferenceError) -> PackedLinear in
      do throws(TorchError) {
        return try PackedLinear(
          weight: layer.weight, bias: layer.bias, format: precision.format(of: name))
      } catch {
        throw InferenceError(
          .unsupportedPrecision, "blocks.\(index).\(name.rawValue): \(error.message)")
      }
    }
  }
}
