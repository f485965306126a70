internal import Models
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct StateDictsAutoencoderTests {
  private struct Names: Decodable {
    let diffusers: [String: [Int]]
    let old_attention: [String: String]
    let compvis: [String: [Int]]
    let compvis_to_diffusers: [String: String]
  }

  private let names: Names

  init() throws {
    names = try JSONDecoder().decode(
      Names.self, from: Data(contentsOf: URL(filePath: golden("autoencoder-keys.json"))))
  }

  /// A tensor of one number that tells it from the others, of a rank.
  private func mark(_ number: Int, rank: Int) -> Tensor {
    Tensor([Float(number)], shape: Array(repeating: 1, count: rank))
  }

  @Test(arguments: ["", "first_stage_model."]) func knowsCompVisNames(_ prefix: String) throws {
    let order = names.compvis.keys.sorted()
    var state: [String: Tensor] = [:]
    for (number, name) in order.enumerated() {
      state[prefix + name] = mark(number, rank: names.compvis[name]?.count ?? 1)
    }
    state[prefix + "loss.logvar"] = mark(0, rank: 1)
    let (kind, mapped) = try #require(StateDicts.autoencoder(state))
    #expect(kind == .kl)
    #expect(Set(mapped.keys) == Set(names.diffusers.keys))
    for (number, name) in order.enumerated() {
      let target = try #require(names.compvis_to_diffusers[name])
      let tensor = try #require(mapped[target], "\(name)")
      #expect(tensor.item == Double(number), "\(name)")
      #expect(tensor.rank == names.diffusers[target]?.count, "\(name)")
    }
  }

  @Test(arguments: StateDicts.NormNames.allCases)
  func givesMindSporeTheNamesOfMindONE(_ norms: StateDicts.NormNames) throws {
    let known = names.diffusers.sorted { $0.key < $1.key }
    let tensors = known.enumerated().map { number, entry in
      (name: entry.key, tensor: mark(number, rank: entry.value.count))
    }
    let mapped = StateDicts.mindSporeAutoencoder(tensors, norms: norms)
    let compVis = Dictionary(
      uniqueKeysWithValues: names.compvis_to_diffusers.map { ($0.value, $0.key) })
    for (source, target) in zip(tensors, mapped) {
      let original = try #require(compVis[source.name])
      var parts = original.split(separator: ".").map(String.init)
      if norms == .gamma, parts.contains(where: { $0.hasPrefix("norm") }) {
        parts[parts.count - 1] = parts[parts.count - 1] == "weight" ? "gamma" : "beta"
      }
      #expect(target.name == parts.joined(separator: "."))
      #expect(target.tensor.rank == names.compvis[original]?.count, "\(target.name)")
      #expect(target.tensor.item == source.tensor.item, "\(target.name)")
    }
    let state = Dictionary(uniqueKeysWithValues: mapped.map { ($0.name, $0.tensor) })
    let back = try #require(StateDicts.autoencoder(state)?.state)
    for source in tensors {
      let tensor = try #require(back[source.name], "\(source.name)")
      #expect(tensor.shape == source.tensor.shape && tensor.item == source.tensor.item)
    }
  }

  @Test func knowsDiffusersOldAndNewAttentionNames() throws {
    let old = Dictionary(uniqueKeysWithValues: names.old_attention.map { ($1, $0) })
    var state: [String: Tensor] = [:]
    let order = names.diffusers.keys.sorted()
    for (number, name) in order.enumerated() {
      state[old[name] ?? name] = mark(number, rank: names.diffusers[name]?.count ?? 1)
    }
    #expect(state.keys.contains { $0.hasSuffix(".query.weight") })
    let mapped = try #require(StateDicts.autoencoder(state)?.state)
    #expect(Set(mapped.keys) == Set(order))
    for (number, name) in order.enumerated() { #expect(mapped[name]?.item == Double(number)) }
  }

  @Test func knowsTheStacksOfTAESD() throws {
    let decoder = ["1.weight": 4, "3.conv.0.weight": 4, "19.bias": 1]
    let state = decoder.mapValues { mark(1, rank: $0) }
    let (kind, mapped) = try #require(StateDicts.autoencoder(state))
    #expect(kind == .tiny)
    #expect(
      Set(mapped.keys) == [
        "decoder.layers.0.weight", "decoder.layers.2.conv.0.weight", "decoder.layers.18.bias",
      ])
    let both = ["encoder.0.weight": mark(1, rank: 4), "decoder.1.weight": mark(2, rank: 4)]
    let names = try #require(StateDicts.autoencoder(both)?.state.keys)
    #expect(Set(names) == ["encoder.layers.0.weight", "decoder.layers.0.weight"])
  }

  @Test func keepsNamesApartThatWouldBecomeOne() throws {
    let first = "decoder.up.1.block.0.conv1.weight"
    let own = "decoder.up_blocks.0.resnets.0.conv1.weight"
    let pairs = [
      (first, "decoder.up.01.block.0.conv1.weight"), (first, own),
      (
        "encoder.mid_block.attentions.0.query.weight", "encoder.mid_block.attentions.0.to_q.weight"
      ), ("encoder.mid.attn_1.q.weight", "encoder.mid_block.attentions.0.query.weight"),
      ("encoder.norm_out.gamma", "encoder.norm_out.embedding_table"),
    ]
    for (a, b) in pairs {
      let state = [
        "decoder.conv_in.weight": mark(0, rank: 4), a: mark(1, rank: 2), b: mark(2, rank: 2),
      ]
      let mapped = try #require(StateDicts.autoencoder(state)).state
      #expect(Set(mapped.values.map(\.item)) == [0, 1, 2], "\(a), \(b): \(mapped.keys)")
    }
  }

  @Test func leavesOtherModelsAlone() {
    #expect(StateDicts.autoencoder(["conv1.weight": mark(0, rank: 4)]) == nil)
  }
}
