#if os(Linux)
  internal import CTorch
  internal import Foundation

  /// What the rest of `Torch` asks of Linux. `Darwin.swift` has the same for macOS.
  enum Linux {
    /// The file of the running program.
    static var programPath: String? {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }

    /// The processor's product name.
    static var processorName: String? {
      let line = text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
      return line?.split(separator: ":", maxSplits: 1).last.map {
        $0.trimmingCharacters(in: .whitespaces)
      }
    }

    /// The most bytes that were resident so far.
    static var peakResidentBytes: Int? { bytes(of: "VmHWM:", in: "/proc/self/status") }

    /// Bytes that processes can still take without swapping, at most the limit of this one's control
    /// group.
    static var availableBytes: Int? {
      guard let free = bytes(of: "MemAvailable:", in: "/proc/meminfo") else { return nil }
      let limits = ["memory.max", "memory/memory.limit_in_bytes"].compactMap { name in
        text("/sys/fs/cgroup/" + name).split(separator: "\n").first.flatMap { Int($0) }
      }
      return limits.reduce(free, min)
    }

    /// Keeps freed memory with the process, and large tensors in large pages.
    static func prepareMemory() { ctorch_prepare_memory() }

    /// A line of /proc in kB, as bytes.
    private static func bytes(of name: String, in path: String) -> Int? {
      let line = text(path).split(separator: "\n").first { $0.hasPrefix(name) }
      return line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
    }

    private static func text(_ path: String) -> String {
      (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
  }
#endif
