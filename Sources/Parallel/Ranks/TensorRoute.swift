/// What a rank has to exchange the tensors of a model with.
enum TensorOffer: Equatable {
  /// The tensors do not lie on an NVIDIA GPU.
  case noGPU
  /// They do, and our library for CUDA is not open or was built without NCCL.
  case noNCCL
  /// NCCL can be used, with the GPU of this number (`CUDA.uuid`).
  case nccl(gpu: String)

  /// As other ranks are told.
  var text: String {
    switch self {
    case .noGPU: "none"
    case .noNCCL: "gpu"
    case .nccl(let gpu): "nccl \(gpu)"
    }
  }

  /// Reads what `text` gave.
  init(text: String) {
    let words = text.split(separator: " ")
    switch words.first {
    case "nccl" where words.count == 2: self = .nccl(gpu: String(words[1]))
    case "gpu": self = .noNCCL
    default: self = .noGPU
    }
  }
}

/// The way that tensors take between ranks, on which all of them agree.
enum TensorRoute: Equatable {
  /// From GPU to GPU.
  case nccl
  /// By Gloo, through the memory of the processor; with the reason where there are GPUs.
  case gloo(because: String?)

  /// NCCL if all ranks have it and no two the same GPU, which it refuses.
  ///
  /// - Parameters:
  ///   - offers: of all ranks.
  ///   - names: of all ranks, for the reason.
  init(_ offers: [TensorOffer], names: [String]) {
    var owners: [String: String] = [:]
    for (offer, name) in zip(offers, names) {
      switch offer {
      case .noGPU:
        let hasOthers = offers.contains { $0 != .noGPU }
        self = .gloo(because: hasOthers ? "\(name) computes on no NVIDIA GPU" : nil)
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
