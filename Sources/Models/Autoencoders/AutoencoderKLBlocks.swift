package import Layers
internal import Torch

// N batch, C channels, H W image, T = H W tokens.

/// Two convolutions after norms, with a residual connection (He et al. 2016).
package struct ResidualBlockKL {
  package let norm1: GroupNorm
  package let conv1: Conv2d
  package let norm2: GroupNorm
  package let conv2: Conv2d
  package let shortcut: Conv2d?

  init(_ inputCount: Int, _ outputCount: Int, groupCount: Int, at scope: Scope) {
    norm1 = GroupNorm(inputCount, groupCount: groupCount, at: scope / "norm1")
    conv1 = Conv2d(inputCount, outputCount, kernelSize: 3, padding: 1, at: scope / "conv1")
    norm2 = GroupNorm(outputCount, groupCount: groupCount, at: scope / "norm2")
    conv2 = Conv2d(outputCount, outputCount, kernelSize: 3, padding: 1, at: scope / "conv2")
    shortcut =
      inputCount == outputCount
      ? nil : Conv2d(inputCount, outputCount, kernelSize: 1, at: scope / "conv_shortcut")
  }

  /// `[N, C_in, H, W]` to `[N, C_out, H, W]`
  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = conv2(silu(norm2(conv1(silu(norm1(x))))))
    return (shortcut.map { $0(x) } ?? x) + h
  }
}

/// Residual blocks at one resolution, each followed by attention if the stage has it, and the convolution
/// to the next.
package struct StageKL {
  package let blocks: [ResidualBlockKL]
  /// One after each block, or none.
  package let attentions: [SpatialAttentionKL]
  /// Halves or doubles the image; nil in the last stage.
  package let resample: Conv2d?

  /// The stages of an encoder or decoder.
  ///
  /// - Parameters:
  ///   - channels: of each resolution, in order of use.
  ///   - attentive: the stages with attention, by their number in `channels`.
  ///   - blockCount: residual blocks of each stage.
  ///   - groupCount: groups of every norm.
  ///   - scope: the parent scope; stages are numbered.
  ///   - resample: makes a stage's last convolution.
  /// - Returns: one stage per resolution.
  static func stages(
    _ channels: [Int], attentive: Set<Int>, blockCount: Int, groupCount: Int, at scope: Scope,
    resample: (_ width: Int, _ scope: Scope) -> Conv2d
  ) -> [StageKL] {
    channels.enumerated().map { index, width in
      let scope = scope / index
      let input = channels[max(index - 1, 0)]
      let blocks = (0..<blockCount).map { layer in
        ResidualBlockKL(
          layer == 0 ? input : width, width, groupCount: groupCount, at: scope / "resnets" / layer)
      }
      let attentions = (0..<(attentive.contains(index) ? blockCount : 0)).map { layer in
        SpatialAttentionKL(width, groupCount: groupCount, at: scope / "attentions" / layer)
      }
      let isLast = index == channels.count - 1
      return StageKL(
        blocks: blocks, attentions: attentions, resample: isLast ? nil : resample(width, scope))
    }
  }

  /// All blocks, `[N, C_in, H, W]` to `[N, C_out, H, W]`; `check` is called before each and throws to stop.
  func callAsFunction(_ x: Tensor, _ check: () throws -> Void) rethrows -> Tensor {
    var h = x
    for (index, block) in blocks.enumerated() {
      try check()
      h = block(h)
      if !attentions.isEmpty { h = attentions[index](h) }
    }
    return h
  }
}

/// The coarsest stage: two residual blocks, with attention between them unless the model has none.
package struct MiddleKL {
  package let first: ResidualBlockKL
  package let attention: SpatialAttentionKL?
  package let second: ResidualBlockKL

  init(_ width: Int, _ config: AutoencoderKLConfig, at scope: Scope) {
    let groups = config.groupCount
    first = ResidualBlockKL(width, width, groupCount: groups, at: scope / "resnets" / 0)
    attention =
      config.hasAttention
      ? SpatialAttentionKL(width, groupCount: groups, at: scope / "attentions" / 0) : nil
    second = ResidualBlockKL(width, width, groupCount: groups, at: scope / "resnets" / 1)
  }

  /// `[N, C, H, W]` to `[N, C, H, W]`
  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = first(x)
    return second(attention.map { $0(h) } ?? h)
  }
}

/// Single-head attention among the pixels of an image (Vaswani et al. 2017, equation 1).
package struct SpatialAttentionKL {
  package let norm: GroupNorm
  package let query: Linear
  package let key: Linear
  package let value: Linear
  package let output: Linear

  init(_ width: Int, groupCount: Int, at scope: Scope) {
    norm = GroupNorm(width, groupCount: groupCount, at: scope / "group_norm")
    query = Linear(width, width, at: scope / "to_q")
    key = Linear(width, width, at: scope / "to_k")
    value = Linear(width, width, at: scope / "to_v")
    output = Linear(width, width, at: scope / "to_out" / 0)
  }

  /// `[N, C, H, W]` to `[N, C, H, W]`
  func callAsFunction(_ x: Tensor) -> Tensor {
    let shape = x.shape
    let tokens = norm(x).flattened(from: 2).transposed(1, 2)  // [N, T, C]
    func head(_ layer: Linear) -> Tensor { layer(tokens).expandingDims(at: 1) }  // [N, 1, T, C]
    let mixed = scaledDotProductAttention(query: head(query), key: head(key), value: head(value))
    return x + output(mixed.squeezingDim(at: 1)).transposed(1, 2).reshaped(shape)
  }
}
