internal import Files
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// Lets requests through that may come: for this host, from its own pages, and with its token.
struct RequestGate: Sendable {
  private let isTokenNeeded: Bool
  private let tokenDigest: [UInt8]
  private let hosts: Set<String>

  init(_ settings: ServerSettings) {
    isTokenNeeded = settings.token != nil
    tokenDigest = RequestGate.digest(settings.token ?? "")
    var hosts: Set = ["localhost"]
    let host = HostName(settings.host)
    hosts.insert(host.text)
    // Who listens for others is known to them by the name of the machine.
    if !host.isLoopback { hosts.insert(HostName(ProcessInfo.processInfo.hostName).text) }
    self.hosts = hosts.union(settings.allowedHosts.map { HostName($0).text })
  }

  /// Whether requests need a token.
  var needsToken: Bool { isTokenNeeded }

  /// Checks where a request goes and comes from.
  ///
  /// A page of another site reaches a local server in two ways: it has its name stand for this machine's
  /// address (DNS rebinding), which `Host` shows, or it posts across sites, which `Origin` shows.
  func checkOrigin(of request: Request) throws(APIError) {
    // A second one is left among the fields.
    guard HTTPField.Name("Host").flatMap({ request.headers[$0] }) == nil,
      let authority = request.head.authority,
      let host = HostName(authority: authority)
    else {
      throw APIError(.badRequest, "bad_host", "a request has to have one Host")
    }
    guard host.isAddress || hosts.contains(host.text) else {
      throw APIError(
        .forbidden, "host_not_allowed", "this server is not known by the name '\(host.text)'")
    }
    guard request.method != .get, request.method != .head else { return }
    let site = HTTPField.Name("Sec-Fetch-Site").flatMap { request.headers[$0] }
    let origins = request.headers[values: .origin]
    let isOwn = origins.allSatisfy { origin in
      guard let origin = HostName(origin: origin), origin.text == host.text else { return false }
      return host.port.map { $0 == origin.port } ?? [80, 443].contains(origin.port)
    }
    guard isOwn, site != "cross-site" else {
      throw APIError(
        .forbidden, "origin_not_allowed", "pages of other sites may not do this")
    }
  }

  /// Checks the token: of a bearer, or the password of a user with any name.
  func checkToken(of request: Request) throws(APIError) {
    guard isTokenNeeded else { return }
    let given = request.headers[.authorization].flatMap(RequestGate.token) ?? ""
    guard RequestGate.isEqual(RequestGate.digest(given), tokenDigest) else {
      throw APIError(
        .unauthorized, "invalid_token", "this server needs its token: Authorization: Bearer TOKEN",
        headers: [.wwwAuthenticate: "Bearer"])
    }
  }

  private static func token(in field: String) -> String? {
    let parts = field.split(separator: " ", maxSplits: 1)
    guard parts.count == 2 else { return nil }
    let value = parts[1].trimmingCharacters(in: .whitespaces)
    switch parts[0].lowercased() {
    case "bearer": return value
    case "basic":
      guard let data = Data(base64Encoded: value) else { return nil }
      let text = String(decoding: data, as: UTF8.self)
      return text.firstIndex(of: ":").map { String(text[text.index(after: $0)...]) }
    default: return nil
    }
  }

  private static func digest(_ text: String) -> [UInt8] {
    Array(Array(text.utf8).withUnsafeBytes { SHA256.text(of: $0) }.utf8)
  }

  /// Takes as long for any two digests.
  private static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
