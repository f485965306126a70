public import Torch

extension StateDicts {
  /// The kinds of autoencoders.
  public enum AutoencoderKind: Sendable {
    /// `AutoencoderKL`.
    case kl
    /// `TinyAutoencoder`.
    case tiny
  }

  /// Brings an autoencoder's state dict to diffusers' names, which are the models' own.
  ///
  /// Understood are diffusers' names (attention as `to_q` or, before version 0.13, `query`), those of
  /// CompVis' `AutoencoderKL` (alone, or within a Stable Diffusion checkpoint), MindSpore's for the
  /// same layers, and those of TAESD's `nn.Sequential` (encoder, decoder, or both).
  ///
  /// - Parameter state: name to tensor.
  /// - Returns: the kind of autoencoder and its state dict; nil if the names belong to neither.
  public static func autoencoder(
    _ state: [String: Tensor]
  ) -> (kind: AutoencoderKind, state: [String: Tensor])? {
    let state = CompVisNames.withoutStableDiffusion(MindSporeNames.own(state))
    let stacks = ["encoder.layers.", "decoder.layers."]
    if state.keys.contains(where: { stacks.contains(where: $0.hasPrefix) }) {
      return (.tiny, state)
    }
    if let tiny = TAESDNames.own(state) { return (.tiny, tiny) }
    guard state["encoder.conv_in.weight"] != nil || state["decoder.conv_in.weight"] != nil else {
      return nil
    }
    return (.kl, CompVisNames.own(state))
  }

  /// Whether a parameter, by the model's own name, belongs to the encoder's half of an autoencoder.
  public static func isEncoderParameter(_ name: String) -> Bool {
    ["encoder.", "quant_conv."].contains(where: name.hasPrefix)
  }

  /// The names of norms' parameters in a MindSpore file.
  public enum NormNames: String, CaseIterable, Sendable {
    /// `gamma` and `beta`, as in MindSpore's own layers and earlier versions of MindONE.
    case gamma
    /// `weight` and `bias`, as in PyTorch's layers and later versions of MindONE.
    case weight
  }

  /// Brings an `AutoencoderKL` to MindONE's names and shapes: CompVis' names, with the matrices of
  /// attention as 1x1 convolutions.
  ///
  /// Source: MindONE, `examples/dit/tools/vae_converter.py` and the lists of names that it reads.
  ///
  /// - Parameters:
  ///   - tensors: the parameters by their names in diffusers.
  ///   - norms: the names of norms' parameters.
  /// - Returns: the parameters for MindONE, in the same order, as views.
  public static func mindSporeAutoencoder(
    _ tensors: [(name: String, tensor: Tensor)], norms: NormNames
  ) -> [(name: String, tensor: Tensor)] {
    let stages = CompVisNames.stageCount(tensors.map(\.name), decoder: "decoder.up_blocks.")
    return tensors.map { name, tensor in
      let known = CompVisNames.foreign(name, stages: stages)
      let isNorm = name.split(separator: ".").contains { $0.contains("norm") }
      return (
        isNorm && norms == .gamma ? MindSporeNames.norm(known) : known,
        CompVisNames.isAttentionWeight(name) && tensor.rank == 2
          ? tensor.reshaped(tensor.shape + [1, 1]) : tensor
      )
    }
  }
}
