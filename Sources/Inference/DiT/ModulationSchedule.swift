internal import Layers
internal import Models
internal import Torch

/// The modulation vectors of all blocks for the steps of a run, computed ahead.
///
/// They depend on timestep and class alone, so one matrix product per block serves many steps, and
/// the weights, a third of the model, are read once for all of them. Steps are taken in chunks, so
/// that memory stays bounded.
final class ModulationSchedule {
  private let stem: DiT
  private let layers: [Linear]
  private let labels: Tensor  // [L], int64
  private let timesteps: [Int]
  private let chunkLength: Int
  private var chunkStart = 0
  private var chunk: Tensor?  // [S, L, sum of k D over the layers], float32

  /// Bytes that the vectors of a chunk may take.
  private static let budget = 128 << 20

  /// - Parameters:
  ///   - stem: embeds timesteps and labels.
  ///   - layers: each block's, then the final layer's.
  ///   - labels: distinct.
  ///   - timesteps: in the order of use, distinct.
  ///   - device: where the parameters lie.
  init(_ stem: DiT, layers: [Linear], labels: [Int], timesteps: [Int], device: Device) {
    self.stem = stem
    self.layers = layers
    self.labels = Tensor(labels).to(device)
    self.timesteps = timesteps
    let bytesPerStep = layers.reduce(0) { $0 + $1.weight.size(0) } * 4 * labels.count
    chunkLength = Self.chunkLength(bytesPerStep, stepCount: timesteps.count)
  }

  /// What the vectors of a run take at a time.
  ///
  /// - Parameters:
  ///   - bytesPerStep: of all layers and labels.
  ///   - stepCount: steps of the run.
  /// - Returns: bytes.
  static func bytes(_ bytesPerStep: Int, stepCount: Int) -> Int {
    bytesPerStep * chunkLength(bytesPerStep, stepCount: stepCount)
  }

  private static func chunkLength(_ bytesPerStep: Int, stepCount: Int) -> Int {
    max(1, min(stepCount, budget / bytesPerStep))
  }

  /// The vectors of a timestep, the layers' side by side, `[L, sum of k D]`, float32.
  func table(at timestep: Int) -> Tensor {
    guard let place = timesteps.firstIndex(of: timestep) else {
      fatalError("timestep \(timestep) was not announced")
    }
    let start = place / chunkLength * chunkLength
    if let chunk, start == chunkStart { return chunk[place - start] }
    chunk = nil
    let vectors = computed(Array(timesteps[start..<min(start + chunkLength, timesteps.count)]))
    chunk = vectors
    chunkStart = start
    return vectors[place - start]
  }

  private func computed(_ timesteps: [Int]) -> Tensor {
    let t = Tensor(timesteps).to(labels.device).to(.float32)
    let steps = stem.timestepEmbed(t).expandingDims(at: 1)  // [S, 1, D]
    let classes = embedding(labels, table: stem.labels).expandingDims(at: 0)  // [1, L, D]
    let condition = silu(steps + classes)  // [S, L, D]
    let widths = layers.map { $0.weight.size(0) }
    let vectors = Tensor.empty(
      [timesteps.count, labels.count, widths.reduce(0, +)], device: labels.device)
    var start = 0
    for (layer, width) in zip(layers, widths) {
      vectors.narrowed(axis: 2, start: start, count: width).copyInPlace(from: layer(condition))
      start += width
    }
    return vectors
  }
}
