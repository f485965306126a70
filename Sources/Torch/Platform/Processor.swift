internal import CKernels
internal import Foundation

/// What the processor can do.
public enum Processor {
  /// Whether float32 stands in for products of bytes that the hardware lacks, so that results in 8
  /// bits can be looked at anywhere; slow. It is so where the environment has `DIT_EMULATE_INT8=1`.
  public static let emulatesInt8 =
    !ckernels_has_avx512_vnni() && ProcessInfo.processInfo.environment["DIT_EMULATE_INT8"] == "1"

  /// The product's name, where the kernel tells it.
  public static var name: String? { System.processorName }

  /// The instruction sets that our kernels and oneDNN's choose by, as the processor has them.
  public static var features: [String] {
    let present: [(String, Bool)] = [
      ("AVX2", ckernels_has_avx2_only() || ckernels_has_avx512()),
      ("AVX-512", ckernels_has_avx512()), ("AVX512_VNNI", ckernels_has_avx512_vnni()),
      ("AVX512_BF16", ckernels_has_avx512_bf16()), ("AVX512_FP16", ckernels_has_avx512_fp16()),
    ]
    return present.filter(\.1).map(\.0)
  }
}
