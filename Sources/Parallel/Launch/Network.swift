internal import Files
internal import Foundation

/// Addresses of this machine.
public enum Network {
  /// The loopback address.
  static let loopback = "127.0.0.1"

  /// All addresses of this machine, and its host name.
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

  /// This machine's address on the route to another.
  ///
  /// - Parameter host: a name or address.
  /// - Returns: nil without a route.
  static func address(towards host: String) -> String? {
    var hints = addrinfo()
    hints.ai_socktype = System.datagrams
    var first: UnsafeMutablePointer<addrinfo>?
    // Connecting a datagram socket only looks up the route; it sends nothing.
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

  /// Why a name leads to no address.
  struct UnknownName {
    /// The system's words.
    let reason: String
    /// Whether no answer came, so that the next try may succeed.
    let isTransient: Bool
  }

  /// Looks a host up.
  ///
  /// - Parameter host: a name or address.
  /// - Returns: nil if it has an address.
  static func fault(ofName host: String) -> UnknownName? {
    var hints = addrinfo()
    hints.ai_socktype = System.streams
    var first: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &first)
    guard status != 0 else {
      freeaddrinfo(first)
      return nil
    }
    return UnknownName(
      reason: String(cString: gai_strerror(status)), isTransient: status == EAI_AGAIN)
  }

  /// Tries to connect to a port once.
  ///
  /// - Parameters:
  ///   - host: a name or address.
  ///   - port: the port.
  ///   - limit: how long to wait for an answer of each address.
  /// - Returns: why nothing listens there; nil if something does.
  static func refusal(of host: String, port: Int, within limit: Duration) -> String? {
    var hints = addrinfo()
    hints.ai_socktype = System.streams
    var first: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, "\(port)", &hints, &first)
    guard status == 0 else { return String(cString: gai_strerror(status)) }
    defer { freeaddrinfo(first) }
    var problem = "no address"
    var next = first
    while let entry = next {
      guard let fault = refusal(of: entry.pointee, within: limit) else { return nil }
      problem = fault
      next = entry.pointee.ai_next
    }
    return problem
  }

  private static func refusal(of address: addrinfo, within limit: Duration) -> String? {
    func text(_ number: Int32) -> String { String(cString: strerror(number)) }
    let descriptor = System.openStream(address.ai_family, address.ai_protocol)
    guard descriptor >= 0 else { return text(errno) }
    defer { close(descriptor) }
    guard connect(descriptor, address.ai_addr, address.ai_addrlen) != 0 else { return nil }
    guard errno == EINPROGRESS else { return text(errno) }
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    let milliseconds = Int32(clamping: limit.components.seconds * 1000)
    guard poll(&entry, 1, milliseconds) > 0 else { return "no answer" }
    var (number, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size) == 0 else {
      return text(errno)
    }
    return number == 0 ? nil : text(number)
  }

  /// The address at which other ranks reach this one.
  ///
  /// Ranks on rank 0's machine may resolve its name to loopback (Debian's `/etc/hosts`). They then use
  /// their address on the route to a rank elsewhere.
  ///
  /// - Parameters:
  ///   - own: this rank's address on the route to rank 0.
  ///   - others: the other ranks' addresses on that route; called only for a loopback address.
  ///   - way: finds the address on the route to a host.
  /// - Returns: the address to publish.
  /// - Throws: errors of `others`.
  static func reachable(
    _ own: String, from others: () throws -> [String],
    way: (String) -> String? = Network.address(towards:)
  ) rethrows -> String {
    guard isLoopback(own) else { return own }
    return try others().first { !isLoopback($0) }.flatMap(way) ?? own
  }

  /// Whether an address is a loopback one.
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
