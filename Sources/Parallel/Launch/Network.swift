internal import Files
internal import Foundation

/// Addresses of this machine.
public enum Network {
  /// The machine itself.
  static let loopback = "127.0.0.1"

  /// All of its addresses, and its name.
  public static var ownAddresses: Set<String> {
    var addresses: Set = [HostName.current]
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return addresses }
    defer { freeifaddrs(first) }
    var next = first
    while let entry = next {
      if let address = entry.pointee.ifa_addr, let text = text(of: address) {
        addresses.insert(text)
      }
      next = entry.pointee.ifa_next
    }
    return addresses
  }

  /// The address that this machine has on the way to another.
  ///
  /// - Parameter host: a name or address.
  /// - Returns: nil if there is no way.
  static func address(towards host: String) -> String? {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var first: UnsafeMutablePointer<addrinfo>?
    // Connecting a datagram socket sends nothing: it only looks for the way.
    guard getaddrinfo(host, "9", &hints, &first) == 0 else { return nil }
    defer { freeaddrinfo(first) }
    var next = first
    while let entry = next {
      let descriptor = socket(entry.pointee.ai_family, entry.pointee.ai_socktype, 0)
      defer { close(descriptor) }
      if descriptor >= 0, connect(descriptor, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0
      {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let text = withUnsafeMutableBytes(of: &storage) { bytes -> String? in
          guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
            getsockname(descriptor, address, &length) == 0
          else { return nil }
          return Network.text(of: address)
        }
        if let text { return text }
      }
      next = entry.pointee.ai_next
    }
    return nil
  }

  /// The address at which other ranks reach this one.
  ///
  /// The host of rank 0 may have a name that means the machine itself to all ranks on it (Debian's
  /// `/etc/hosts`). They then take the address that they have on the way to a rank elsewhere.
  ///
  /// - Parameters:
  ///   - own: on the way to rank 0.
  ///   - others: those of the other ranks on their way there; asked for only where that matters.
  ///   - way: finds the address that this machine has on the way to another.
  /// - Returns: the address to offer.
  /// - Throws: what `others` throws.
  static func reachable(
    _ own: String, from others: () throws -> [String],
    way: (String) -> String? = Network.address(towards:)
  ) rethrows -> String {
    guard isLoopback(own) else { return own }
    return try others().first { !isLoopback($0) }.flatMap(way) ?? own
  }

  /// Whether an address only serves within a machine.
  static func isLoopback(_ address: String) -> Bool {
    address.hasPrefix("127.") || address == "::1"
  }

  private static func text(of address: UnsafePointer<sockaddr>) -> String? {
    let family = Int32(address.pointee.sa_family)
    guard family == AF_INET || family == AF_INET6 else { return nil }
    let size =
      family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
    var buffer = [CChar](repeating: 0, count: 256)
    guard
      getnameinfo(
        address, socklen_t(size), &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
    else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
