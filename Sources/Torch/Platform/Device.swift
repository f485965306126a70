internal import CTorch

/// Where a tensor lies, in libtorch's spelling: `cpu`, `cuda:0`, `mps`, ...
public struct Device: Sendable, Hashable, CustomStringConvertible {
  /// The device type, as "cuda".
  public let type: String
  /// Which of the devices of the type; nil for the current one.
  public let index: Int?

  /// The processor.
  public static let cpu = Device(type: "cpu", index: nil)
  /// Shapes without storage: for counting parameters.
  public static let meta = Device(type: "meta", index: nil)

  /// An NVIDIA GPU.
  public static func cuda(_ index: Int) -> Device { Device(type: "cuda", index: index) }

  /// A device by type and index.
  public init(type: String, index: Int?) {
    self.type = type
    self.index = index
  }

  /// Parses libtorch's spelling: a type of lower-case letters, then perhaps a colon and an index.
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

  /// How many devices of this type can be used now.
  ///
  /// - Throws: `TorchError` for a type that libtorch does not know.
  public func availableCount() throws -> Int {
    var count: Int32 = 0
    try check(ctorch_device_count(type, &count), "counting devices of type '\(type)'")
    return Int(count)
  }

  /// Waits until the device has done all that was asked of it.
  ///
  /// - Throws: `TorchError` if something of that failed.
  public func synchronize() throws {
    try check(ctorch_device_synchronize(description), "waiting for \(self)")
  }

  /// The most bytes that tensors took on the device since the last call with `reset`; nil on the
  /// processor, which does not count them.
  public func peakMemory(reset: Bool = false) -> Int? {
    var bytes: Int64 = 0
    guard !isCPU, ctorch_device_peak_memory(description, reset, &bytes) == 0 else { return nil }
    return Int(bytes)
  }
}

/// The libtorch that the program was built against.
public enum LibTorch {
  /// The version, as "2.13.0".
  public static var version: String { String(cString: ctorch_version()) }

  /// The version of the libtorch that is loaded, as "2.13.0"; another one than `version` only by
  /// accident.
  public static var loadedVersion: String {
    let version = ctorch_loaded_version()
    return "\(version / 10000).\(version / 100 % 100).\(version % 100)"
  }

  /// The folder of the libraries of the libtorch that is loaded.
  public static var folder: String {
    let path = String(cString: ctorch_library_path())
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }

  /// The instruction set that libtorch's own kernels were chosen for, as "AVX2".
  public static var kernelSet: String { String(cString: ctorch_kernel_set()) }

  /// Opens a shared library that registers operators or devices with libtorch.
  ///
  /// - Throws: `TorchError` if it cannot be opened.
  public static func loadLibrary(_ path: String) throws {
    try check(ctorch_load_library(path), "opening '\(path)'")
  }

  /// The number of threads that operators use.
  public static var threadCount: Int { Int(ctorch_thread_count()) }

  /// Sets the number of threads that operators use; at least 1.
  public static func setThreadCount(_ count: Int) throws {
    try check(ctorch_set_thread_count(Int32(clamping: count)), "setting \(count) threads")
  }
}
