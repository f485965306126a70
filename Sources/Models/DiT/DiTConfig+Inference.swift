/// The origin of the number of attention heads, which no shape in a state dict shows.
public enum HeadCountSource: String, Sendable {
  /// The caller.
  case given = "as given"
  /// The file's metadata.
  case metadata = "from the file's metadata"
  /// The width of the file's table of rotations.
  case rotations = "from the file's table of rotations"
  /// The published size with the same width and depth.
  case preset = "that of the published size with this width and depth"
  /// The assumption of 64 channels per head.
  case width = "assuming 64 channels a head"
}

extension DiTConfig {
  /// Infers the configuration from the shapes of a state dict with the published names.
  ///
  /// - Parameters:
  ///   - shapes: shapes by parameter name; that of LightningDiT's table of rotations counts too.
  ///   - headCount: the number of heads, if the caller knows it.
  ///   - classCount: classes without the null class, if the caller knows them.
  ///   - metadata: the file's metadata, which may have `num_heads`, `num_classes` and `positions`.
  /// - Returns: the configuration and the origin of the number of heads.
  /// - Throws: `ModelError` if the shapes are not a DiT's, caller and metadata disagree on the heads, or
  ///   the class table has another size than the caller says.
  public static func inferred(
    from shapes: [String: [Int]], headCount: Int? = nil, classCount: Int? = nil,
    metadata: [String: String] = [:]
  ) throws -> (config: DiTConfig, headCountSource: HeadCountSource) {
    let block = try DiTBlockConfig.inferred(from: shapes, metadata: metadata)
    let first = block.mlp.first.name.rawValue + ".weight"
    let needed = [
      "pos_embed": 3, "x_embedder.proj.weight": 4, "y_embedder.embedding_table.weight": 2,
      "blocks.0.\(first)": 2, "final_layer.linear.weight": 2,
    ]
    let missing = needed.keys.filter { shapes[$0]?.count != needed[$0] }.sorted()
    guard missing.isEmpty, let patches = shapes["x_embedder.proj.weight"],
      let positions = shapes["pos_embed"], let table = shapes["y_embedder.embedding_table.weight"],
      let hidden = shapes["blocks.0.\(first)"], let last = shapes["final_layer.linear.weight"]
    else {
      throw ModelError(
        "not a DiT: without \(missing.joined(separator: ", ")) of the right rank; a DiT's names are"
          + " those of the published checkpoints, such as \(needed.keys.sorted()[2])")
    }
    let (width, channels, patch) = (patches[0], patches[1], patches[2])
    let depth = (0...).first { shapes["blocks.\($0).\(first)"] == nil } ?? 0
    let grid = Int(Double(max(positions[1], 0)).squareRoot().rounded())
    let outputs = last[0]
    let pixels = ShapeArithmetic.product([channels, patch, patch])
    // The largest parameters of the model that the shapes describe.
    let parameters = [
      patches, last, [width, channels, patch, patch], [grid, grid, width], [table[0], width],
      [6, width, width], [hidden[0], width], [outputs, width],
    ]
    guard parameters.allSatisfy(ShapeArithmetic.isSound),
      ShapeArithmetic.product([grid, grid]) == positions[1], table[0] > 0,
      let ratio = block.mlp.ratio(outputs: hidden[0], width: width), width.isMultiple(of: 4),
      let pixels, outputs == pixels || outputs.isMultiple(of: 2) && outputs / 2 == pixels
    else {
      throw ModelError(
        "not a DiT: x_embedder.proj.weight \(patches), pos_embed \(positions),"
          + " blocks.0.\(first) \(hidden) and final_layer.linear.weight \(last) do not belong together"
      )
    }
    let (heads, source) = try heads(
      headCount, metadata, width: width, depth: depth,
      rotations: shapes[DiTBlockConfig.rotaryTable])
    guard (width / heads).isMultiple(of: block.positions.pairing) else {
      throw ModelError(
        .headCount,
        "\(heads) attention heads (\(source.rawValue)) of \(width / heads) channels, which positions"
          + " '\(block.positions.rawValue)' cannot rotate: they need a multiple of"
          + " \(block.positions.pairing)")
    }
    let hasNullClass = try hasNullClass(table[0], classCount, metadata)
    let config = DiTConfig(
      inputSize: grid * patch, channelCount: channels, patchSize: patch, hiddenSize: width,
      depth: depth, headCount: heads, mlpRatio: ratio,
      classCount: hasNullClass ? table[0] - 1 : table[0],
      learnsVariance: outputs != pixels, hasNullClass: hasNullClass, block: block,
      hasSpan: hasSpan(shapes.keys))
    return (config, source)
  }

  /// Whether parameters of these names have an embedder of spans.
  package static func hasSpan(_ names: some Sequence<String>) -> Bool {
    names.contains { $0.hasPrefix(spanEmbedder + ".") }
  }

  /// Whether the last row of a class table is the null class.
  ///
  /// The published code adds that row if labels are dropped in training, which the shapes do not show.
  /// It counts as there unless the caller or the file's number of classes, also among the arguments of
  /// the published training script, is that of the rows, or the rows are ImageNet's 1,000.
  private static func hasNullClass(
    _ rows: Int, _ given: Int?, _ metadata: [String: String]
  ) throws -> Bool {
    if let given {
      guard given > 0, [rows, rows - 1].contains(given) else {
        throw ModelError(
          .classCount,
          "the class table has \(rows) rows, for \(rows) classes, or for \(rows - 1) and the null"
            + " class, not for \(given)")
      }
      return given == rows - 1
    }
    let told = ["num_classes", "args.num_classes"].compactMap { metadata[$0].flatMap { Int($0) } }
    guard let count = told.first(where: { [rows, rows - 1].contains($0) }) else {
      return rows > 1 && rows != 1000
    }
    return count == rows - 1
  }

  private static func heads(
    _ given: Int?, _ metadata: [String: String], width: Int, depth: Int, rotations: [Int]?
  ) throws -> (Int, HeadCountSource) {
    let own = metadata["num_heads"].flatMap { Int($0) }
    if let given, let own, given != own {
      throw ModelError("the model has \(own) attention heads, as the file says, not \(given)")
    }
    let turned = rotations?.last.flatMap { $0 > 0 && width.isMultiple(of: $0) ? width / $0 : nil }
    if let given, let turned, given != turned {
      throw ModelError(
        "the model has \(turned) attention heads, as the file's table of rotations says, not \(given)"
      )
    }
    let preset = DiTPreset.allCases.first { $0.size.hiddenSize == width && $0.size.depth == depth }
    let candidates: [(Int?, HeadCountSource)] = [
      (given, .given), (own, .metadata), (turned, .rotations),
      (preset?.size.headCount, .preset), (max(width / 64, 1), .width),
    ]
    for case (let count?, let source) in candidates {
      guard count > 0, width.isMultiple(of: count) else {
        throw ModelError(
          .headCount,
          "\(count) attention heads (\(source.rawValue)) do not divide the width \(width)")
      }
      return (count, source)
    }
    fatalError("the last candidate is never nil")
  }

  /// The published size with this width, depth, heads and patch size; nil if there is none.
  public var preset: DiTPreset? {
    DiTPreset.allCases.first {
      $0.size == (hiddenSize, depth, headCount) && $0.patchSize == patchSize
    }
  }
}
