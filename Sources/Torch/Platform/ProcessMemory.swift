internal import CTorch
internal import Foundation

/// The memory of this process, and what the kernel says of it.
public enum ProcessMemory {
  /// From now on freed memory stays with the process, and large tensors lie in pages of 2 MB where
  /// the system has them; call it before the first tensor is made.
  ///
  /// A training step and a decoded image free and ask for the same large blocks again and again, and
  /// the system would clear each page each time. With small pages the processor looks up addresses
  /// all the time: a training step takes 5 to 10 % longer.
  public static func prepare() { ctorch_prepare_memory() }

  /// The most that was resident so far; 0 where the kernel does not say.
  public static var peakBytes: Int {
    bytes(of: "VmHWM:", in: "/proc/self/status") ?? 0
  }

  /// What processes can still take without swapping, of what this one's control group allows at all;
  /// nil where the kernel does not say.
  public static var availableBytes: Int? {
    guard let free = bytes(of: "MemAvailable:", in: "/proc/meminfo") else { return nil }
    let limits = ["memory.max", "memory/memory.limit_in_bytes"].compactMap { name in
      text("/sys/fs/cgroup/" + name).split(separator: "\n").first.flatMap { Int($0) }
    }
    return limits.reduce(free, min)
  }

  /// A line in kB.
  private static func bytes(of name: String, in path: String) -> Int? {
    let line = text(path).split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
  }

  private static func text(_ path: String) -> String {
    (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }
}
