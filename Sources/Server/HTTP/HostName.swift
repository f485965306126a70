/// The host of an address, a URL's authority, or a header, without its port.
struct HostName: Equatable {
  /// In lower case; without the brackets of an IPv6 address and the point at the end of a name.
  let text: String
  /// The port, if there is one.
  let port: Int?

  /// A host alone.
  init(_ host: String) {
    var host = host.lowercased()
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    if host.hasSuffix(".") { host.removeLast() }
    text = host
    port = nil
  }

  /// A host that may have a port, as `Host` has it; nil for any other text.
  init?(authority: String) {
    let end = authority.lastIndex(of: "]") ?? authority.startIndex
    let colon = authority[end...].lastIndex(of: ":")
    let host = String(authority[..<(colon ?? authority.endIndex)])
    let isWhole = host.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"):
        true
      case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"):
        host.hasPrefix("[") && host.hasSuffix("]")
      default: false
      }
    }
    guard !host.isEmpty, isWhole else { return nil }
    text = HostName(host).text
    guard let colon else {
      port = nil
      return
    }
    guard let number = UInt16(authority[authority.index(after: colon)...]) else { return nil }
    port = Int(number)
  }

  /// An origin: scheme, host, and port if it is not the scheme's; nil for any other text, also `null`.
  init?(origin: String) {
    for (scheme, port) in [("http://", 80), ("https://", 443)] where origin.hasPrefix(scheme) {
      guard let host = HostName(authority: String(origin.dropFirst(scheme.count))) else {
        return nil
      }
      self.init(text: host.text, port: host.port ?? port)
      return
    }
    return nil
  }

  private init(text: String, port: Int?) {
    self.text = text
    self.port = port
  }

  /// Whether it is an IP address: no name, which could be made to stand for another machine.
  var isAddress: Bool { ipv4 != nil || text.contains(":") }

  /// Whether only this machine reaches it.
  var isLoopback: Bool { text == "localhost" || text == "::1" || ipv4?.first == 127 }

  private var ipv4: [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8($0) }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
  }
}
