public import Torch

extension RankGroup {
  /// The group that adds up and exchanges tensors of a device: NCCL's where all ranks have an NVIDIA GPU of
  /// their own and our library for CUDA, else `group`, by way of the processor's memory. All ranks ask for
  /// it together.
  ///
  /// - Returns: the group; and, for the user's eyes, why it is not NCCL's where there are GPUs.
  /// - Throws: `LaunchError` if a rank is lost or does not come in time; `TorchError` if the driver does not
  ///   know the device.
  public func tensorGroup(on device: Device) throws -> (group: ProcessGroup, note: String?) {
    let offers = try gather(RankGroup.offer(of: device).text).map(TensorOffer.init(text:))
    if case .gloo(let reason) = TensorRoute(offers, names: names) {
      let note = reason.map { "tensors go between ranks by Gloo, not by NCCL: \($0)" }
      return (group, note)
    }
    return (try joinNCCL(device), nil)
  }

  private func joinNCCL(_ device: Device) throws -> ProcessGroup {
    try attributingErrors {
      try ProcessGroup(store, rank: rank, size: worldSize, device: device, timeout: group.timeout)
    }
  }

  private static func offer(of device: Device) throws -> TensorOffer {
    guard device.type == "cuda" else { return .noGPU }
    return CUDA.hasGroups ? .nccl(gpu: try CUDA.uuid(of: device)) : .noNCCL
  }

  /// The texts that all ranks give, in their order; each has up to 64 bytes.
  private func gather(_ text: String) throws -> [String] {
    let own = Array(text.utf8) + [UInt8](repeating: 0, count: 64 - text.utf8.count)
    let rows = (0..<worldSize).map { $0 == rank ? Tensor(own) : .zeros([64], dtype: .uint8) }
    try attributingErrors { try group.broadcast(rows, from: Array(0..<worldSize)) }
    return rows.map { row in
      String(decoding: row.elements(UInt8.self).prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
