internal import CTorch
internal import Foundation

/// What the processor can do.
public enum Processor {
  /// Whether it multiplies bfloat16 in hardware.
  public static var hasBFloat16: Bool { ctorch_has_bfloat16() }
  /// Whether it computes with float16 in hardware.
  public static var hasFloat16: Bool { ctorch_has_float16() }
  /// Whether it multiplies 8-bit integers and adds up the products in 32 bits, or float32 stands in
  /// for that.
  public static var hasByteProducts: Bool { ctorch_has_byte_products() || emulatesByteProducts }

  /// Whether float32 stands in for products of bytes that the hardware lacks, so that results in 8
  /// bits can be looked at anywhere; slow. It is so where the environment has `DIT_EMULATE_INT8=1`.
  public static let emulatesByteProducts =
    !ctorch_has_byte_products() && ProcessInfo.processInfo.environment["DIT_EMULATE_INT8"] == "1"

  /// From now on freed memory stays with the process, and large tensors lie in pages of 2 MB where
  /// the system has them; call it before the first tensor is made.
  ///
  /// A training step and a decoded image free and ask for the same large blocks again and again, and
  /// the system would clear each page each time. With small pages the processor looks up addresses
  /// all the time: a training step takes 5 to 10 % longer.
  public static func prepareMemory() { ctorch_prepare_memory() }
}
