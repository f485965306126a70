/// The shape of a DINOv2 (Oquab et al. 2023, appendix C), a Vision Transformer with LayerScale.
public struct DINOv2Config: Sendable, Equatable {
  /// Height and width of a patch in pixels.
  public var patchSize: Int
  /// Patches per side that have their own positions; others are interpolated.
  public var gridSize: Int
  /// Token width, D.
  public var width: Int
  /// The number of blocks.
  public var depth: Int
  /// Attention heads; must divide the width.
  public var headCount: Int
  /// Hidden width of the MLPs.
  public var hiddenWidth: Int

  /// A configuration; defaults are those of the published networks.
  public init(
    patchSize: Int = 14, gridSize: Int = 37, width: Int, depth: Int, headCount: Int,
    hiddenWidth: Int
  ) {
    self.patchSize = patchSize
    self.gridSize = gridSize
    self.width = width
    self.depth = depth
    self.headCount = headCount
    self.hiddenWidth = hiddenWidth
  }

  /// The name of a published size, such as `vitb14`, else width, depth and patch size.
  public var name: String {
    let size = DINOv2Config.sizes[width].flatMap { $0.depth == depth ? $0.name : nil }
    return (size ?? "vit\(width)x\(depth)-") + String(patchSize)
  }

  /// The blocks of the published network of this width; nil if there is none.
  public var publishedDepth: Int? { DINOv2Config.sizes[width]?.depth }

  /// The published networks by width.
  private static let sizes = [
    384: (name: "vits", depth: 12), 768: (name: "vitb", depth: 12), 1024: (name: "vitl", depth: 24),
  ]

  /// Infers the configuration from the shapes of a state dict with the published names. Heads have 64
  /// channels, as in all published sizes.
  ///
  /// - Parameter shapes: shapes by parameter name.
  /// - Returns: the configuration.
  /// - Throws: `ModelError` if they are not a DINOv2's, or it has registers or the feed-forward layers of
  ///   ViT-g/14.
  public static func inferred(from shapes: [String: [Int]]) throws -> DINOv2Config {
    if shapes["register_tokens"] != nil {
      throw ModelError(
        "a DINOv2 with registers (Darcet et al. 2024); features are those of one without")
    }
    if shapes["blocks.0.mlp.w12.weight"] != nil {
      throw ModelError(
        "a DINOv2 of size ViT-g/14, whose feed-forward layers are SwiGLU; ViT-S, B and L are computed"
      )
    }
    let needed = [
      "cls_token": 3, "pos_embed": 3, "patch_embed.proj.weight": 4, "blocks.0.mlp.fc1.weight": 2,
    ]
    let missing = needed.keys.filter { shapes[$0]?.count != needed[$0] }.sorted()
    guard missing.isEmpty, let patches = shapes["patch_embed.proj.weight"],
      let positions = shapes["pos_embed"], let hidden = shapes["blocks.0.mlp.fc1.weight"]
    else {
      throw ModelError("not a DINOv2: without \(missing.joined(separator: ", ")) of the right rank")
    }
    let (width, patch) = (patches[0], patches[2])
    let grid = Int(Double(max(positions[1] - 1, 0)).squareRoot().rounded())
    guard [patches, positions, hidden, [3, width, width]].allSatisfy(ShapeArithmetic.isSound),
      patches[1] == 3, patches[3] == patch, grid > 0,
      ShapeArithmetic.product([grid, grid]) == positions[1] - 1, positions[2] == width,
      width.isMultiple(of: max(width / 64, 1))
    else {
      throw ModelError(
        "not a DINOv2: patch_embed.proj.weight \(patches), pos_embed \(positions) and"
          + " blocks.0.mlp.fc1.weight \(hidden) do not belong together; the positions are a square and"
          + " one of the class token")
    }
    return DINOv2Config(
      patchSize: patch, gridSize: grid, width: width,
      depth: (0...).first { shapes["blocks.\($0).mlp.fc1.weight"] == nil } ?? 0,
      headCount: max(width / 64, 1), hiddenWidth: hidden[0])
  }
}
