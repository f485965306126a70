internal import Foundation

/// The name of this machine.
public enum HostName {
  /// The name, without spaces; "unknown" if the system has none.
  public static var current: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
    let bytes = buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
    let word = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    return word.isEmpty ? "unknown" : word
  }
}
