internal import Layers
internal import Models
internal import TestSupport
internal import Torch
internal import Training

/// Micro-batches of given latents, one after the other and then from the first again.
final class GivenLatents: TrainingData {
  let classNames = ["a", "b", "c"]
  let imageCount: Int
  let hasPosterior = false

  private let batches: [(start: Tensor, labels: Tensor)]
  private var taken = 0
  /// Called with the number of each micro-batch before it is given; may throw.
  var beforeEach: (Int) throws -> Void = { _ in }

  init(_ batches: [(start: Tensor, labels: Tensor)]) {
    self.batches = batches
    imageCount = batches.reduce(0) { $0 + $1.start.size(0) }
  }

  /// Random latents for the golden model, in micro-batches of so many rows.
  convenience init(count: Int, rows: Int) throws {
    let generator = try Generator(seed: 11)
    let start = Tensor.randn([count, 4, 8, 8], generator: generator)
    let labels = Tensor.randint(0..<3, [count], generator: generator)
    self.init(
      stride(from: 0, to: count, by: rows).map {
        (start[$0..<$0 + rows], labels[$0..<$0 + rows])
      })
  }

  func seek(sampleCount: Int) { taken = sampleCount / batches[0].start.size(0) }

  func next() throws -> TrainingBatch {
    try beforeEach(taken)
    let batch = batches[taken % batches.count]
    taken += 1
    return TrainingBatch(.moments(mean: batch.start, logVariance: nil), labels: batch.labels)
  }
}

/// A trainer of a golden model.
func goldenTrainer(
  _ data: GivenLatents, stepCount: Int = 10, of name: String = "dit-even",
  _ change: (inout TrainingConfig) -> Void
) throws -> Trainer {
  let golden = try GoldenValues(name)
  let store = ParameterStore(.load(golden.weights.mapValues(\.cloned)))
  let dit = DiT(try golden.config.model, at: store.root)
  var config = TrainingConfig()
  change(&config)
  return try Trainer(
    TrainingModel(dit, store, config: config, device: .cpu), config: config, data: data,
    codec: LatentCodec(nil), stepCount: stepCount, device: .cpu)
}

/// The elements of a parameter, its moments or average by which two runs can be compared: the true
/// gradient of the keys' bias is zero, and AdamW turns its rounding errors into steps.
func comparable(_ tensor: Tensor, _ name: String) -> Tensor {
  guard name.hasSuffix("qkv.bias") else { return tensor }
  let width = tensor.size(0) / 3
  return concatenated([tensor[0..<width], tensor[2 * width..<3 * width]])
}
