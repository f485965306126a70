/// What a rank has to exchange the tensors of a model with.
enum TensorOffer: Equatable {
  /// The tensors do not lie on an NVIDIA GPU.
  case noGPU
  /// They do, and our library for CUDA is not open or was built without NCCL.
  case noNCCL
  /// NCCL can be used, with the GPU of this number (`CUDA.uuid`).
  case nccl(gpu: String)

  /// The form sent to other ranks.
  var text: String {
    switch self {
    case .noGPU: "none"
    case .noNCCL: "gpu"
    case .nccl(let gpu): "nccl \(gpu)"
    }
  }

  /// Parses `text`.
  init(text: String) {
    let words = text.split(separator: " ")
    switch words.first {
    case "nccl" where words.count == 2: self = .nccl(gpu: String(words[1]))
    case "gpu": self = .noNCCL
    default: self = .noGPU
    }
  }
}

/// The transport of tensors between ranks; all ranks choose the same.
enum TensorRoute: Equatable {
  /// GPU to GPU.
  case nccl
  /// Gloo, through the processor's memory; with the reason if there are GPUs.
  case gloo(because: String?)

  /// NCCL if all ranks have it and no two share a GPU, which NCCL refuses.
  ///
  /// - Parameters:
  ///   - offers: one for each rank.
  ///   - names: of the ranks, for the reason.
  init(_ offers: [TensorOffer], names: [String]) {
    var owners: [String: String] = [:]
    for (offer, name) in zip(offers, names) {
      switch offer {
      case .noGPU:
        let hasOthers = offers.contains { $0 != .noGPU }
        self = .gloo(because: hasOthers ? "\(name) does not compute on an NVIDIA GPU" : nil)
        return
      case .noNCCL:
        self = .gloo(because: "\(name) has no libdit_cuda.so with NCCL")
        return
      case .nccl(let gpu):
        if let owner = owners.updateValue(name, forKey: gpu) {
          self = .gloo(because: "\(owner) and \(name) share a GPU (\(gpu))")
          return
        }
      }
    }
    self = .nccl
  }
}
