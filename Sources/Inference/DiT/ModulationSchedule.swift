internal import Layers
internal import Models
internal import Torch

// L labels, S times, D width, K vectors in all.

/// The modulation vectors of all blocks over a run, computed ahead for the known times.
///
/// They depend on time and class alone, so one matrix product per block serves many steps, and the
/// weights, a third of the model, are read once for all of them. Times are taken in chunks, which
/// bounds the memory.
final class ModulationSchedule {
  private let embedded: (_ t: Tensor, _ span: Tensor) -> Tensor
  private let classes: Tensor  // [1, L, D]
  private let layers: [(linear: Linear, scaledNorms: [(place: Int, norm: TokenNorm)])]
  private let times: [Double]  // distinct
  private let indices: [Double: Int]  // of the known times
  private let chunkLength: Int
  private var chunkStart = 0
  private var chunk: Tensor?  // [S, L, K D], float32
  private var unforeseen: (time: Double, span: Double, vectors: Tensor)?

  /// Bytes that the vectors of a chunk may take.
  static let budget = 128 << 20

  /// - Parameters:
  ///   - network: the order of its modulations is that of the table's columns.
  ///   - labels: distinct classes.
  ///   - times: the times known beforehand, in the order of their first use.
  ///   - device: the device of the parameters.
  ///   - budget: bytes that the vectors of a chunk may take; one time is computed in any case.
  init(
    _ network: DiTNetwork<PackedLinear>, labels: [Int], times: [Double], device: Device,
    budget: Int = ModulationSchedule.budget
  ) {
    embedded = { network.embedded(t: $0, span: $1) }
    classes = embedding(Tensor(labels).to(device), table: network.labels).expandingDims(at: 0)
    layers = zip(network.modulations, network.scaledNorms).map { modulation, norms in
      (modulation.linear, norms.filter { $0.norm.weight != nil })
    }
    var (distinct, indices): ([Double], [Double: Int]) = ([], [:])
    for time in times where indices[time] == nil {
      indices[time] = distinct.count
      distinct.append(time)
    }
    self.times = distinct
    self.indices = indices
    let bytesPerStep = layers.reduce(0) { $0 + $1.linear.outputCount } * 4 * labels.count
    chunkLength = Self.chunkLength(bytesPerStep, stepCount: distinct.count, budget: budget)
  }

  /// The memory of one chunk.
  ///
  /// - Parameters:
  ///   - bytesPerStep: size of the vectors of all layers and labels.
  ///   - stepCount: steps of the run.
  /// - Returns: bytes.
  static func bytes(_ bytesPerStep: Int, stepCount: Int) -> Int {
    bytesPerStep * chunkLength(bytesPerStep, stepCount: stepCount, budget: budget)
  }

  private static func chunkLength(_ bytesPerStep: Int, stepCount: Int, budget: Int) -> Int {
    max(1, min(stepCount, budget / bytesPerStep))
  }

  /// The vectors of a time, and of a span of a model of average velocities, those of all layers side by side,
  /// `[L, K D]`, float32. Times of spans are not computed ahead: such a model takes few steps.
  func table(at time: Double, span: Double = 0) -> Tensor {
    guard span == 0, let index = indices[time] else { return unforeseenTable(time, span) }
    let start = index / chunkLength * chunkLength
    if let chunk, start == chunkStart { return chunk[index - start] }
    chunk = nil
    let vectors = computed(Array(times[start..<min(start + chunkLength, times.count)]))
    if !hasTorchErrors { (chunk, chunkStart) = (vectors, start) }
    return vectors[index - start]
  }

  private func unforeseenTable(_ time: Double, _ span: Double) -> Tensor {
    if let unforeseen, (unforeseen.time, unforeseen.span) == (time, span) {
      return unforeseen.vectors
    }
    let vectors = computed([time], span: span)[0]
    if !hasTorchErrors { unforeseen = (time, span, vectors) }
    return vectors
  }

  private func computed(_ times: [Double], span: Double = 0) -> Tensor {
    let t = Tensor(times).to(classes.device).to(.float32)
    let steps = embedded(t, t * 0 + span).expandingDims(at: 1)  // [S, 1, D]
    let condition = silu(steps + classes)  // [S, L, D]
    let widths = layers.map(\.linear.outputCount)
    let vectors = Tensor.empty(
      [times.count, classes.size(1), widths.reduce(0, +)], device: classes.device)
    var start = 0
    for (layer, width) in zip(layers, widths) {
      let part = vectors.narrowed(axis: 2, start: start, count: width)
      part.copyInPlace(from: layer.linear(condition))
      for (place, norm) in layer.scaledNorms {
        let count = layer.linear.inputCount
        let scale = part.narrowed(axis: 2, start: place * count, count: count)
        scale.copyInPlace(from: norm.absorbed(into: scale))
      }
      start += width
    }
    return vectors
  }
}
