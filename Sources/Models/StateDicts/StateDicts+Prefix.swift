extension StateDicts {
  /// Finds the prefixes under which names are a DiT's, in the dialects of `dit(_:partDone:)`.
  ///
  /// - Parameter names: of parameters.
  /// - Returns: prefixes with their last dot, sorted; the empty one for a DiT without prefix.
  public static func ditPrefixes(of names: some Sequence<String>) -> [String] {
    let names = Set(names)
    let anchors = [
      ("x_embedder.proj.weight", "blocks.0.mlp.fc1.weight"),
      ("x_embedder.proj.weight", "blocks.0.mlp.w12.weight"),
      ("x_embedder.proj.weight", "blocks.0.mlp.w1.weight"),
      ("pos_embed.proj.weight", "transformer_blocks.0.attn1.to_q.weight"),
    ]
    return prefixes(of: names, anchors.map(\.0)).filter { prefix in
      anchors.contains { names.contains(prefix + $0) && names.contains(prefix + $1) }
    }
  }

  /// Finds the prefixes under which names are those of a network of improved MeanFlow.
  ///
  /// - Parameter names: of parameters.
  /// - Returns: prefixes with their last dot, sorted; the empty one for a network without prefix.
  public static func meanFlowPrefixes(of names: some Sequence<String>) -> [String] {
    let names = Set(names)
    return prefixes(of: names, ["omega_tokens"]).filter {
      names.contains($0 + "shared_blocks.0.attn.q_proj._flax_linear.weight")
    }
  }

  /// Finds the prefixes under which names are an autoencoder's, in diffusers' or CompVis' dialect.
  ///
  /// - Parameter names: of parameters.
  /// - Returns: prefixes with their last dot, sorted.
  public static func autoencoderPrefixes(of names: some Sequence<String>) -> [String] {
    prefixes(
      of: Set(names),
      [
        "encoder.conv_in.weight", "decoder.conv_in.weight", "encoder.layers.0.weight",
        "decoder.layers.0.weight",
      ])
  }

  /// Finds the prefixes under which names are those of a DINOv2, in the dialects of `dinov2(_:)`.
  ///
  /// - Parameter names: of parameters.
  /// - Returns: prefixes with their last dot, sorted; the empty one for a network without prefix.
  public static func dinov2Prefixes(of names: some Sequence<String>) -> [String] {
    let names = Set(names)
    let anchors = [
      ("cls_token", "blocks.0.ls1.gamma"),
      ("embeddings.cls_token", "encoder.layer.0.layer_scale1.lambda1"),
    ]
    return prefixes(of: names, anchors.map(\.0)).filter { prefix in
      anchors.contains { names.contains(prefix + $0) && names.contains(prefix + $1) }
    }
  }

  private static func prefixes(of names: Set<String>, _ anchors: [String]) -> [String] {
    var prefixes: Set<String> = []
    for name in names {
      for anchor in anchors where name == anchor || name.hasSuffix("." + anchor) {
        prefixes.insert(String(name.dropLast(anchor.count)))
      }
    }
    return prefixes.sorted()
  }
}
