internal import CTorch

/// A device as libtorch spells it: `cpu`, `cuda:0`, `mps`, ...
public struct Device: Sendable, Hashable, CustomStringConvertible {
  /// The type, such as "cuda".
  public let type: String
  /// The index among the devices of the type; nil for the current one.
  public let index: Int?

  /// The processor.
  public static let cpu = Device(type: "cpu", index: nil)
  /// No storage, only shapes: counts parameters.
  public static let meta = Device(type: "meta", index: nil)

  /// An NVIDIA GPU.
  public static func cuda(_ index: Int) -> Device { Device(type: "cuda", index: index) }

  /// A device by type and index.
  public init(type: String, index: Int?) {
    self.type = type
    self.index = index
  }

  /// Parses libtorch's spelling: a type in lower case, optionally with a colon and an index.
  ///
  /// - Returns: nil for any other text.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let type = parts.first, !type.isEmpty, type.allSatisfy({ $0.isLowercase }) else {
      return nil
    }
    switch parts.count {
    case 1:
      self.init(type: String(type), index: nil)
    case 2:
      guard let index = Int(parts[1]), index >= 0 else { return nil }
      self.init(type: String(type), index: index)
    default:
      return nil
    }
  }

  /// libtorch's spelling.
  public var description: String { index.map { "\(type):\($0)" } ?? type }

  /// The number of usable devices of this type.
  ///
  /// - Throws: `TorchError` if libtorch does not know the type.
  public func availableCount() throws -> Int {
    var count: Int32 = 0
    try check(ctorch_device_count(type, &count), "counting devices of type '\(type)'")
    return Int(count)
  }

  /// Waits until the device has finished all its work.
  ///
  /// - Throws: `TorchError` if any of it failed.
  public func synchronize() throws {
    try check(ctorch_device_synchronize(description), "waiting for \(self)")
  }

  /// The peak size in bytes of all tensors on the device since the last call with `reset`; nil on
  /// the processor, which does not count them.
  public func peakMemory(reset: Bool = false) -> Int? {
    var bytes: Int64 = 0
    guard !isCPU, ctorch_device_peak_memory(description, reset, &bytes) == 0 else { return nil }
    return Int(bytes)
  }
}

/// The version, libraries and threads of libtorch.
public enum LibTorch {
  /// The version that this was compiled against, such as "2.13.0".
  public static var version: String { String(cString: ctorch_version()) }

  /// The loaded version, such as "2.13.0". It should be `version`.
  public static var loadedVersion: String {
    let version = ctorch_loaded_version()
    return "\(version / 10000).\(version / 100 % 100).\(version % 100)"
  }

  /// The folder of the loaded libraries.
  public static var folder: String {
    let path = String(cString: ctorch_library_path())
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }

  /// The instruction set of libtorch's kernels on this processor, such as "AVX2".
  public static var kernelSet: String { String(cString: ctorch_kernel_set()) }

  /// Opens a shared library that registers operators or devices.
  ///
  /// - Throws: `TorchError` if it does not open.
  public static func loadLibrary(_ path: String) throws {
    try check(ctorch_load_library(path), "opening '\(path)'")
  }

  /// The number of threads of operators.
  public static var threadCount: Int { Int(ctorch_thread_count()) }

  /// Sets the number of threads of operators, at least 1.
  public static func setThreadCount(_ count: Int) throws {
    try check(ctorch_set_thread_count(Int32(clamping: count)), "setting \(count) threads")
  }

  /// Ends the threads that wait for work of the calling thread; its next operator starts them anew.
  ///
  /// libgomp hardly spins, so each operator waits longer, as soon as all threads together, idle ones too, are more
  /// than processors.
  public static func releaseThreads() { ctorch_release_threads() }
}
