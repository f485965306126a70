internal import CKernels
internal import Foundation

/// The CPU.
public enum Processor {
  /// Whether float32 stands in for 8-bit products, because the hardware has none and the environment
  /// has `DIT_EMULATE_INT8=1`. Slow; for tests. A build without our kernels has no 8-bit products.
  public static let emulatesInt8 =
    OwnOperators.areBuilt && !ckernels_has_avx512_vnni()
    && ProcessInfo.processInfo.environment["DIT_EMULATE_INT8"] == "1"

  /// The product name; nil if the system does not tell.
  public static var name: String? { System.processorName }

  /// Whether our kernels are part of the build (`DIT_KERNELS` in Package.swift).
  public static var hasOwnKernels: Bool { OwnOperators.areBuilt }

  /// The instruction sets by which our kernels and oneDNN's are chosen.
  public static var features: [String] {
    let present: [(String, Bool)] = [
      ("AVX2", ckernels_has_avx2_only() || ckernels_has_avx512()),
      ("AVX-512", ckernels_has_avx512()), ("AVX512_VNNI", ckernels_has_avx512_vnni()),
      ("AVX512_BF16", ckernels_has_avx512_bf16()), ("AVX512_FP16", ckernels_has_avx512_fp16()),
    ]
    return present.filter(\.1).map(\.0)
  }
}
