internal import Foundation

/// The process that holds a lock.
public struct LockOwner: Sendable, Equatable, CustomStringConvertible {
  /// The process's number.
  public let process: Int32
  /// When it started, in clock ticks since the host did; 0 if that is not known.
  public let start: UInt64
  /// The name of the host.
  public let host: String

  /// Process and host.
  public var description: String { "process \(process) on \(host)" }

  /// This process.
  public static var current: LockOwner {
    let process = getpid()
    return LockOwner(process: process, start: System.startTime(of: process), host: HostName.current)
  }

  /// Whether the process is known to be gone.
  public var isGone: Bool {
    guard host == HostName.current else { return false }
    guard LockOwner.isRunning(process) else { return true }
    let other = System.startTime(of: process)
    return start != 0 && other != 0 && start != other
  }

  /// The owner as it stands in the file, at a fixed length, so that one write replaces another owner.
  var record: [UInt8] {
    let text = Array("\(process) \(start) \(host)".utf8)
    let padding = Array(repeating: UInt8(ascii: " "), count: max(0, 319 - text.count))
    return text + padding + [UInt8(ascii: "\n")]
  }

  /// Reads a record; nil for anything else.
  init?(record: some Sequence<UInt8>) {
    let text = String(decoding: Array(record), as: UTF8.self)
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard parts.count == 3, let process = Int32(parts[0]), process > 0,
      let start = UInt64(parts[1])
    else { return nil }
    self.init(process: process, start: start, host: String(parts[2]))
  }

  init(process: Int32, start: UInt64, host: String) {
    self.process = process
    self.start = start
    self.host = host
  }

  static func isRunning(_ process: Int32) -> Bool {
    kill(process, 0) == 0 || errno == EPERM
  }
}
