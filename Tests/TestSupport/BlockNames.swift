/// The golden files of blocks beside DiT's: each part alone, then parts together.
public enum BlockNames {
  /// Each part alone.
  public static let parts = [
    "rmsnorm", "swiglu", "swiglu-apart", "rope-2d", "rope-1d", "qk-rmsnorm", "qk-layernorm",
  ].map { "blocks/" + $0 }
  /// All files.
  public static let all = parts + ["blocks/all", "blocks/lightning"]
}
