internal import CTorch
internal import Foundation

/// NVIDIA GPUs, and libtorch's CUDA part, which is opened at run time so that one program serves
/// machines with and without a GPU.
public enum CUDA {
  /// A GPU as its driver describes it.
  public struct GPU: Sendable, Equatable {
    /// The product's name.
    public var name: String
    /// The memory in bytes.
    public var memory: Int
    /// The compute capability, such as (9, 0).
    public var capability: (major: Int, minor: Int)
    /// Streaming multiprocessors.
    public var multiprocessorCount: Int

    /// A description.
    public init(
      name: String, memory: Int, capability: (major: Int, minor: Int), multiprocessorCount: Int
    ) {
      self.name = name
      self.memory = memory
      self.capability = capability
      self.multiprocessorCount = multiprocessorCount
    }

    /// Whether the GPU multiplies bfloat16 (Ampere and later).
    public var hasBFloat16: Bool { capability >= (8, 0) }
    /// Whether the GPU multiplies 8-bit floating-point numbers (Ada, Hopper and later).
    public var hasFloat8: Bool { capability >= (8, 9) }

    /// Whether all fields are equal.
    public static func == (left: GPU, right: GPU) -> Bool {
      left.name == right.name && left.memory == right.memory
        && left.capability == right.capability
        && left.multiprocessorCount == right.multiprocessorCount
    }
  }

  /// The NVIDIA driver.
  public struct Driver: Sendable {
    /// The newest version of CUDA that the driver runs, such as "13.0".
    public var version: String
    /// The GPUs visible to this process, by index.
    public var gpus: [GPU]
  }

  /// Asks the driver, not libtorch.
  ///
  /// - Throws: `TorchError` if there is no driver, or it fails.
  public static func driver() throws -> Driver {
    var version: Int32 = 0
    var count: Int32 = 0
    try check(ctorch_nvidia_driver(&version, &count), "NVIDIA GPUs")
    let gpus = try (0..<count).map { index -> GPU in
      var gpu = ctorch_gpu()
      try check(ctorch_nvidia_gpu(index, &gpu), "NVIDIA GPU \(index)")
      let name = withUnsafeBytes(of: gpu.name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      return GPU(
        name: name, memory: Int(gpu.memory), capability: (Int(gpu.major), Int(gpu.minor)),
        multiprocessorCount: Int(gpu.multiprocessors))
    }
    return Driver(version: "\(version / 1000).\(version % 1000 / 10)", gpus: gpus)
  }

  /// The file of libtorch's CUDA part; nil if the loaded libtorch has none.
  public static var libraryPath: String? {
    let path = LibTorch.folder + "/libtorch_cuda.so"
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// Opens libtorch's CUDA part, and our library of kernels if there is one. Call it before the first
  /// computation: libtorch looks for devices only once.
  ///
  /// - Throws: `TorchError` if this libtorch was built without CUDA, or a library does not load.
  public static func open() throws {
    guard let libraryPath else {
      throw TorchError(
        operation: "opening libtorch's CUDA part",
        message: "the libtorch in '\(LibTorch.folder)' was built without CUDA")
    }
    try LibTorch.loadLibrary(libraryPath)
    guard let kernelLibraryPath else { return }
    do {
      try check(ctorch_cuda_open(kernelLibraryPath), "opening '\(kernelLibraryPath)'")
    } catch {
      throw TorchError(
        .kernelLibrary, operation: error.operation,
        message: "'\(kernelLibraryPath)': \(error.message)")
    }
  }

  /// The file of our CUDA graphs and kernels: `DIT_CUDA_LIBRARY` of the environment, else next to the
  /// program or in `../lib/dit`. nil if there is none; then plain operators are used.
  public static var kernelLibraryPath: String? {
    if let path = ProcessInfo.processInfo.environment["DIT_CUDA_LIBRARY"] {
      return path.isEmpty ? nil : path
    }
    let folder = URL(filePath: System.programPath ?? "").deletingLastPathComponent()
    return ["libdit_cuda.so", "../lib/dit/libdit_cuda.so"]
      .map { folder.appending(path: $0).standardizedFileURL.path }
      .first { FileManager.default.fileExists(atPath: $0) }
  }

  /// Whether our library is open.
  public static var hasKernelLibrary: Bool { ctorch_cuda_is_open() }

  /// Whether our library is open and was built with NCCL.
  public static var hasGroups: Bool { ctorch_cuda_has_groups() }

  /// The UUID in hexadecimal digits; of the whole GPU if the process sees a part of it (MIG).
  ///
  /// - Throws: `TorchError` if there is no driver or no GPU of this index.
  public static func uuid(of device: Device) throws -> String {
    var text = [CChar](repeating: 0, count: 33)
    try check(ctorch_nvidia_uuid(Int32(clamping: device.index ?? 0), &text), "\(device)")
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Allows or forbids TF32 in float32 products and convolutions, for the whole process.
  public static func allowTF32(_ isAllowed: Bool) throws {
    try check(ctorch_allow_tf32(isAllowed), "setting the precision of float32 products")
  }
}
