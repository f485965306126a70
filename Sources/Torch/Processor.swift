internal import CTorch

/// What the processor can do.
public enum Processor {
  /// Whether it multiplies bfloat16 in hardware.
  public static var hasBFloat16: Bool { ctorch_has_bfloat16() }
}
