internal import Foundation

/// Ports of this machine.
public enum LocalPort {
  /// One that nobody listens at now.
  ///
  /// - Throws: if the system has none.
  public static func free() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withSockaddr(&address) {
      bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
    }
    guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  /// Whether somebody listens at a port.
  public static func isOpen(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port)
    return withSockaddr(&address) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }

  fileprivate static func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  fileprivate static func withSockaddr<Result>(
    _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
  ) -> Result {
    withUnsafeMutableBytes(of: &address) { bytes in
      bytes.withMemoryRebound(to: sockaddr.self) { pointers in
        guard let first = pointers.baseAddress else { preconditionFailure("an address is empty") }
        return body(first)
      }
    }
  }
}

/// A port of this machine that somebody listens at.
public final class HeldPort {
  /// The port.
  public let port: Int
  private let descriptor: Int32

  /// Listens at a port that was free.
  ///
  /// - Throws: if the system has none.
  public init() throws {
    port = try LocalPort.free()
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = LocalPort.loopback(port)
    let isHeld = LocalPort.withSockaddr(&address) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        && listen(descriptor, 1) == 0
    }
    guard isHeld else {
      close(descriptor)
      throw POSIXError(.EADDRINUSE)
    }
  }

  deinit { close(descriptor) }
}
