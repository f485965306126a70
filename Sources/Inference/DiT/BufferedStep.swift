internal import Torch

/// A step of the network whose inputs are copied to buffers that stay, so that a device can record
/// the step once and do it again.
final class BufferedStep {
  private let latents: Tensor
  private let table: Tensor
  private let graph: DeviceGraph

  /// - Parameters:
  ///   - latents: of the first step; the buffer has their shape and type.
  ///   - table: its modulation vectors.
  ///   - body: the step, from latents and table to the prediction.
  init(latents: Tensor, table: Tensor, _ body: @escaping (Tensor, Tensor) -> Tensor) {
    let (latents, table) = (latents.cloned, table.cloned)
    self.latents = latents
    self.table = table
    graph = DeviceGraph(on: latents.device) { body(latents, table) }
  }

  /// What came of recording it.
  var recording: DeviceGraph.Recording { graph.recording }

  /// Takes the step; the result is valid until the next one.
  func callAsFunction(_ latents: Tensor, _ table: Tensor) -> Tensor {
    self.latents.copyInPlace(from: latents)
    self.table.copyInPlace(from: table)
    return graph()
  }
}
