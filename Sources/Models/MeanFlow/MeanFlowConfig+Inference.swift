extension MeanFlowConfig {
  /// Infers the configuration from the shapes of a state dict with the published names.
  ///
  /// Nothing in the shapes tells the size of the latents: positions are computed.
  ///
  /// - Parameters:
  ///   - shapes: shapes by parameter name.
  ///   - inputSize: height and width of the latents, if the caller knows them; those of published sizes are
  ///     32.
  ///   - headCount: attention heads, if the caller knows them; they must be those of the shapes.
  ///   - classCount: classes without the null class, if the caller knows them; likewise.
  ///   - metadata: the file's, which may have `input_size`.
  /// - Returns: the configuration. Without any word of the size of the latents it is the published one, 32.
  /// - Throws: `ModelError` if the shapes are not those of the network, or the caller says otherwise.
  public static func inferred(
    from shapes: [String: [Int]], inputSize: Int? = nil, headCount: Int? = nil,
    classCount: Int? = nil, metadata: [String: String] = [:]
  ) throws -> MeanFlowConfig {
    let first = "shared_blocks.0.mlp.w1._flax_linear.weight"
    let table = "y_embedder.embedding_table._flax_embedding.weight"
    let tokenNames = [
      "class_tokens", "omega_tokens", "t_min_tokens", "t_max_tokens", "time_tokens",
    ]
    var needed = [
      "x_embedder.proj.weight": 4, table: 2, first: 2, "shared_blocks.0.attn.q_norm.weight": 1,
    ]
    for name in tokenNames { needed[name] = 2 }
    let missing = needed.keys.filter { shapes[$0]?.count != needed[$0] }.sorted()
    let counts = tokenNames.compactMap { shapes[$0]?.first }
    guard missing.isEmpty, let patches = shapes["x_embedder.proj.weight"],
      let rows = shapes[table], let hidden = shapes[first],
      let headWidth = shapes["shared_blocks.0.attn.q_norm.weight"]?[0],
      counts.count == tokenNames.count
    else {
      throw ModelError(
        "not a network of improved MeanFlow: without \(missing.joined(separator: ", ")) of the right"
          + " rank")
    }
    let (width, patch) = (patches[0], patches[2])
    // The largest parameters of the network that the shapes describe.
    let parameters = [patches, rows, hidden, [width, width], [patch, patch, patches[1], width]]
    guard parameters.allSatisfy(ShapeArithmetic.isSound), patches[3] == patch, rows[0] > 1,
      headWidth > 0, width.isMultiple(of: headWidth), headWidth.isMultiple(of: 2),
      counts.allSatisfy({ (1...1024).contains($0) })
    else {
      throw ModelError(
        "not a network of improved MeanFlow: x_embedder.proj.weight \(patches), \(table) \(rows),"
          + " \(first) \(hidden), \(tokenNames.joined(separator: ", ")) \(counts) and heads of"
          + " \(headWidth) channels do not belong together")
    }
    let heads = width / headWidth
    if let headCount, headCount != heads {
      throw ModelError(
        .headCount,
        "the network has \(heads) attention heads, as its norms of queries say, not \(headCount)")
    }
    if let classCount, classCount != rows[0] - 1 {
      throw ModelError(
        .classCount,
        "the class table has \(rows[0]) rows, for \(rows[0] - 1) classes and the null class, not for"
          + " \(classCount)")
    }
    func depth(_ name: String) -> Int {
      (0...).first { shapes["\(name).\($0).mlp.w1._flax_linear.weight"] == nil } ?? 0
    }
    let (shared, head) = (depth("shared_blocks"), depth("u_heads"))
    let isPublished = MeanFlowPreset.allCases.contains {
      $0.size == (width, shared + head, heads) && patches[1] == 4 && patch == 2
    }
    let size =
      metadata[inputSizeKey].flatMap { Int($0) } ?? (isPublished ? nil : inputSize) ?? 32
    guard size > 0, size.isMultiple(of: patch), size / patch <= 1024 else {
      throw ModelError("latents of \(size) x \(size) do not go into patches of \(patch)")
    }
    return MeanFlowConfig(
      inputSize: size, channelCount: patches[1], patchSize: patch, hiddenSize: width,
      depth: shared + head, headDepth: head, headCount: heads, mlpWidth: hidden[0],
      classCount: rows[0] - 1,
      prefix: Prefix(
        classCount: counts[0], guidanceCount: counts[1], lowCount: counts[2],
        highCount: counts[3], timeCount: counts[4]),
      hasVelocityHead: depth("v_heads") == head && head > 0
        && shapes["v_final_layer.linear._flax_linear.weight"] != nil)
  }
}
