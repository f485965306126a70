internal import Checkpoint
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct StateDictsDiTTests {
  private static let file = "diffusers/diffusion_pytorch_model.safetensors"

  @Test func bringsDiffusersNamesToThePublishedOnes() throws {
    let published = try GoldenValues("dit-even").weights
    let checkpoint = try Checkpoint.open(golden(StateDictsDiTTests.file))
    let state = try StateDicts.dit(checkpoint.stateDict)
    #expect(Set(state.keys) == Set(published.keys).subtracting(["pos_embed"]))
    for (name, tensor) in state {
      #expect(tensor.shape == published[name]?.shape, "\(name)")
      #expect(tensor.elements(Float.self) == published[name]?.elements(Float.self), "\(name)")
    }
  }

  @Test func keepsThePublishedNamesAndThoseItDoesNotKnow() throws {
    var published = try GoldenValues("dit-even").weights
    #expect(Set(try StateDicts.dit(published).keys) == Set(published.keys))
    published["blocks.0.more"] = .zeros([1])
    #expect(try StateDicts.dit(published)["blocks.0.more"] != nil)
    var foreign = try Checkpoint.open(golden(StateDictsDiTTests.file)).stateDict
    foreign["pos_embed.pos_embed"] = .zeros([1, 16, 32])
    foreign["transformer_blocks.0.norm2.weight"] = .zeros([32])
    let state = try StateDicts.dit(foreign)
    #expect(state["pos_embed"]?.shape == [1, 16, 32])
    #expect(state["transformer_blocks.0.norm2.weight"] != nil)
  }

  @Test func bringsMindSporeNamesToThePublishedOnes() throws {
    var state = try GoldenValues("dit-even").weights
    let names = Set(state.keys)
    let table = "y_embedder.embedding_table"
    state["\(table).embedding_table"] = state.removeValue(forKey: "\(table).weight")
    #expect(Set(try StateDicts.dit(state).keys) == names)
  }

  @Test func bringsEarlyNamesOfREPAToThePublishedOnes() throws {
    func names(_ names: [String]) throws -> Set<String> {
      Set(
        try StateDicts.dit(
          Dictionary(uniqueKeysWithValues: names.map { ($0, Tensor.zeros([1])) })
        ).keys)
    }
    #expect(
      try names(["blocks.7.a", "decoder_blocks.0.a", "decoder_blocks.12.b"])
        == ["blocks.7.a", "blocks.8.a", "blocks.20.b"])
    // No number of a block, and a name that is there already.
    for others in [
      ["decoder_blocks.9223372036854775807.a"], ["decoder_blocks.-8.a"], ["decoder_blocks.00.a"],
      ["blocks.8.a", "decoder_blocks.0.a"], ["decoder_blocks.0"],
    ] {
      #expect(try names(others) == Set(others))
    }
  }

  @Test func bringsMindSporeAutoencodersToDiffusersNames() throws {
    let state = try GoldenValues("autoencoder-kl").weights
    var foreign: [String: Tensor] = [:]
    for (name, tensor) in state {
      let isNorm = name.contains("norm")
      let known = isNorm ? name.replacing(".weight", with: ".gamma") : name
      foreign[isNorm ? known.replacing(".bias", with: ".beta") : known] = tensor
    }
    #expect(Set(foreign.keys) != Set(state.keys))
    #expect(
      try #require(StateDicts.autoencoder(foreign)).state.keys.sorted() == state.keys.sorted())
  }

  @Test func refusesBlocksThatDoNotAgree() throws {
    var state = try Checkpoint.open(golden(StateDictsDiTTests.file)).stateDict
    let name = "transformer_blocks.1.norm1.emb.timestep_embedder.linear_1.bias"
    state[name] = try #require(state[name]) + 1
    #expect(throws: ModelError.self) { try StateDicts.dit(state) }
    state = try Checkpoint.open(golden(StateDictsDiTTests.file)).stateDict
    state["transformer_blocks.1.attn1.to_k.bias"] = nil
    #expect(throws: ModelError.self) { try StateDicts.dit(state) }
  }
}
