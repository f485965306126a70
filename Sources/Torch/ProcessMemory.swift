internal import Foundation

/// What the kernel says of this process's memory.
public enum ProcessMemory {
  /// The most that was resident so far; 0 where the kernel does not say.
  public static var peakBytes: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1024
  }
}
