internal import Checkpoint
internal import Files
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// An autoencoder whose encoder and decoder lie in two files.
@Suite struct AutoencoderHalvesTests {
  private let tiny: [String: Tensor]
  private let kl: [String: Tensor]

  init() throws {
    tiny = try GoldenValues("autoencoder-tiny").weights
    kl = try GoldenValues("autoencoder-kl").weights
  }

  /// The parameters of one half.
  private func half(_ weights: [String: Tensor], _ name: String) -> [String: Tensor] {
    weights.filter {
      ($0.key.hasPrefix("encoder.") || $0.key.hasPrefix("quant_conv.")) == (name == "encoder")
    }
  }

  /// TAESD's own names: a stack's numbers, of which the decoder counts one more.
  private func bare(_ weights: [String: Tensor]) -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: weights.map { name, tensor in
        let parts = name.split(separator: ".", maxSplits: 3)
        let number = (Int(parts[2]) ?? 0) + (parts[0] == "decoder" ? 1 : 0)
        return ("\(number).\(parts[3])", tensor)
      })
  }

  private func write(_ weights: [String: Tensor], _ path: String) throws {
    try CheckpointWriter.write(
      weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: path)
  }

  private func expectSame(_ folder: String, _ weights: [String: Tensor]) throws {
    let state = try AutoencoderState(Checkpoint.open(folder, part: .vae))
    #expect(Set(state.tensors.keys) == Set(weights.keys))
    for (name, tensor) in weights {
      #expect(relativeError(try #require(state.tensors[name]), tensor) == 0, "\(name)")
    }
  }

  @Test(arguments: [true, false]) func joinsTAESD(_ isBare: Bool) throws {
    try withTemporaryFolder { folder in
      for name in ["encoder", "decoder"] {
        let weights = half(tiny, name)
        try write(isBare ? bare(weights) : weights, "\(folder)/taesd_\(name).safetensors")
      }
      // Of no autoencoder.
      try AtomicFile.write("text", to: folder + "/LICENSE")
      try write(["x": Tensor([1.0])], folder + "/text_encoder.safetensors")
      try expectSame(folder, tiny)
    }
  }

  @Test func joinsAutoencoderKL() throws {
    try withTemporaryFolder { folder in
      try write(half(kl, "encoder"), folder + "/Encoder.safetensors")
      try write(half(kl, "decoder"), folder + "/Decoder.safetensors")
      try expectSame(folder, kl)
    }
  }

  @Test func explainsFilesThatAreNotAPair() throws {
    try withTemporaryFolder { folder in
      func expect(_ hint: String) {
        do {
          _ = try AutoencoderState(Checkpoint.open(folder, part: .vae))
          Issue.record("accepted instead of '\(hint)'")
        } catch {
          #expect("\(error)".contains(hint), "\(error)")
        }
      }
      try write(half(tiny, "encoder"), folder + "/a_encoder.safetensors")
      expect("has only one half of an autoencoder (a_encoder.safetensors)")
      try write(half(tiny, "decoder"), folder + "/b_decoder.safetensors")
      expect("has only one half")

      try write(half(tiny, "encoder"), folder + "/a_decoder.safetensors")
      expect("a_decoder.safetensors' does not hold the decoder of an autoencoder alone")
      try write(tiny, folder + "/a_decoder.safetensors")
      expect("a_decoder.safetensors' does not hold the decoder")
      try write(half(kl, "decoder"), folder + "/a_decoder.safetensors")
      expect("are halves of different kinds of autoencoders")

      var short = bare(half(tiny, "decoder"))
      let last = try #require(short.keys.sorted().last)
      short[last] = nil
      try write(short, folder + "/a_decoder.safetensors")
      expect("is no whole TinyAutoencoder")

      try write(half(tiny, "decoder"), folder + "/a_decoder.safetensors")
      try write(half(tiny, "encoder"), folder + "/b_encoder.safetensors")
      expect("has several autoencoders (a_decoder.safetensors, a_encoder.safetensors,")
    }
  }
}
