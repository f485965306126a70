import Foundation

/// A TCP connection to a port of this machine, used off the threads of tasks.
final class RawConnection: Sendable {
  private let descriptor: Int32
  private let queue = DispatchQueue(label: "connection")

  struct Failure: Error {
    let message: String
  }

  /// Connects.
  ///
  /// - Parameters:
  ///   - port: of this machine.
  ///   - receiveBuffer: bytes that the system keeps for a slow reader; nil for its own number.
  /// - Throws: if nobody listens.
  init(port: Int, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBuffer {
      setsockopt(
        descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var timeout = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw Failure(message: "cannot connect: \(errno)")
    }
  }

  deinit { close(descriptor) }

  private func perform<Result: Sendable>(
    _ body: @escaping @Sendable (Int32) throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { [self] in
        continuation.resume(with: Swift.Result { try body(descriptor) })
      }
    }
  }

  /// Sends bytes; false once the other side takes no more.
  @discardableResult
  func send(_ bytes: some Collection<UInt8> & Sendable) async throws -> Bool {
    let bytes = Array(bytes)
    return try await perform { descriptor in
      var place = 0
      while place < bytes.count {
        let count = bytes[place...].withUnsafeBytes {
          Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        place += count
      }
      return true
    }
  }

  /// Sends text.
  @discardableResult
  func send(_ text: String) async throws -> Bool { try await send(Array(text.utf8)) }

  /// The next bytes; empty at the end.
  func receive(atMost limit: Int = 65536) async throws -> [UInt8] {
    try await perform { descriptor in
      var bytes = [UInt8](repeating: 0, count: limit)
      let count = recv(descriptor, &bytes, limit, 0)
      guard count >= 0 else {
        // A connection that the other side has reset is over.
        guard errno == ECONNRESET else { throw Failure(message: "nothing came: \(errno)") }
        return []
      }
      return Array(bytes[..<count])
    }
  }

  /// Says that nothing more is sent.
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
}
