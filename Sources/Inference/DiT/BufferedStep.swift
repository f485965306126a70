internal import Torch

/// A step of the network with fixed input buffers, so that a device can record it once and replay it.
final class BufferedStep {
  private let latents: Tensor
  private let table: Tensor
  private let graph: DeviceGraph

  /// - Parameters:
  ///   - latents: the first step's; the buffer gets their shape and type.
  ///   - table: the first step's modulation vectors.
  ///   - body: the step, from latents and table to the prediction.
  init(latents: Tensor, table: Tensor, _ body: @escaping (Tensor, Tensor) -> Tensor) {
    let (latents, table) = (latents.cloned, table.cloned)
    self.latents = latents
    self.table = table
    graph = DeviceGraph(on: latents.device) { body(latents, table) }
  }

  /// Whether the step was recorded, and if not, why.
  var recording: DeviceGraph.Recording { graph.recording }

  /// Takes the step; the result is valid until the next one.
  func callAsFunction(_ latents: Tensor, _ table: Tensor) -> Tensor {
    self.latents.copyInPlace(from: latents)
    self.table.copyInPlace(from: table)
    return graph()
  }
}
