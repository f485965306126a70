public import Torch

extension RankGroup {
  /// The process group for tensors of a device; a collective call of all ranks.
  ///
  /// It is NCCL if every rank has its own NVIDIA GPU and our CUDA library, else Gloo through the
  /// processor's memory.
  ///
  /// - Returns: the group; with GPUs and without NCCL also the reason.
  /// - Throws: `LaunchError` if a rank is lost or too late; `TorchError` if the driver does not know the
  ///   device.
  public func tensorGroup(on device: Device) throws -> (group: ProcessGroup, reasonForGloo: String?)
  {
    let offers = try gather(RankGroup.offer(of: device).text).map(TensorOffer.init(text:))
    if case .gloo(let reason) = TensorRoute(offers, names: names) {
      return (group, reason)
    }
    return (try joinNCCL(device), nil)
  }

  private func joinNCCL(_ device: Device) throws -> ProcessGroup {
    try attributingErrors {
      try ProcessGroup(store, rank: rank, size: worldSize, device: device, timeout: group.timeout)
    }
  }

  private static func offer(of device: Device) throws -> TensorOffer {
    guard device.isCUDA else { return .noGPU }
    return CUDA.hasGroups ? .nccl(gpu: try CUDA.uuid(of: device)) : .noNCCL
  }

  /// All ranks' texts of up to 64 bytes, by rank.
  private func gather(_ text: String) throws -> [String] {
    let own = Array(text.utf8) + [UInt8](repeating: 0, count: 64 - text.utf8.count)
    let rows = (0..<worldSize).map { $0 == rank ? Tensor(own) : .zeros([64], dtype: .uint8) }
    try attributingErrors { try group.broadcast(rows, from: Array(0..<worldSize)) }
    return rows.map { row in
      String(decoding: row.elements(UInt8.self).prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
