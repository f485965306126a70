/// The linear layers of blocks; the raw values are the names of their parameters in a DiT.
public enum BlockLayer: String, Sendable, CaseIterable {
  /// Queries, keys and values of attention.
  case qkv = "attn.qkv"
  /// The output of attention.
  case projection = "attn.proj"
  /// The first layer of the MLP.
  case fc1 = "mlp.fc1"
  /// The second layer of the MLP.
  case fc2 = "mlp.fc2"
  /// Gates and values of a gated MLP.
  case w12 = "mlp.w12"
  /// Gates alone.
  case w1 = "mlp.w1"
  /// The output of a gated MLP whose gates are apart.
  case w2 = "mlp.w2"
  /// The output of a gated MLP, or its values if the gates are apart.
  case w3 = "mlp.w3"

  /// Whether it is the last layer of an MLP, in a block whose gates and values are joined.
  package var endsMLP: Bool { [.fc2, .w2, .w3].contains(self) }
}
