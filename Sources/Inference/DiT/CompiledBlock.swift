internal import Layers
internal import Models
internal import Torch

/// A block without its modulation, which is computed ahead.
struct CompiledBlock {
  private let headCount: Int
  private let qkv: PackedLinear
  private let projection: PackedLinear
  private let fc1: PackedLinear
  private let fc2: PackedLinear

  /// Lays out the block's weights.
  ///
  /// - Parameters:
  ///   - block: not kept.
  ///   - index: its place in the model, for messages.
  ///   - precision: what its linear layers compute in.
  /// - Throws: `InferenceError` for 8 bits, if weights are not finite or the hardware cannot.
  init(_ block: DiTBlock, index: Int, precision: Precision) throws(InferenceError) {
    func packed(
      _ linear: Linear, _ name: String, _ format: ActivationFormat? = nil
    ) throws(InferenceError) -> PackedLinear {
      do {
        return try PackedLinear(
          weight: linear.weight, bias: linear.bias, format: format ?? precision.linearFormat)
      } catch {
        throw InferenceError(
          "blocks.\(index).\(name): \(error.message); another --precision may serve")
      }
    }
    headCount = block.attention.headCount
    qkv = try packed(block.attention.qkv, "attn.qkv")
    projection = try packed(block.attention.projection, "attn.proj")
    fc1 = try packed(block.mlp.fc1, "mlp.fc1")
    fc2 = try packed(block.mlp.fc2, "mlp.fc2", precision.secondLayerFormat)
  }

  /// Self-attention; queries, keys and values are read where the projection wrote them.
  ///
  /// - Parameter h: `[N, T, D]`
  /// - Returns: `[N, T, D]`
  func attention(_ h: Activations) -> BranchOutput {
    let (n, t, d) = h.values.size3
    let heads = qkv(h).reshaped([n, t, 3, headCount, d / headCount]).permuted([2, 0, 3, 1, 4])
    let mixed = scaledDotProductAttention(query: heads[0], key: heads[1], value: heads[2])
    return projection.branchOutput(
      Activations(mixed.transposed(1, 2).reshaped([n, t, d]), as: projection.format))
  }

  /// The feed-forward part.
  ///
  /// - Parameter h: `[N, T, D]`
  /// - Returns: `[N, T, D]`
  func mlp(_ h: Activations) -> BranchOutput { fc2.branchOutput(fc1.gelu(h, as: fc2.format)) }
}
