/// Where an `ImageServer` listens, who may use it, and its limits.
public struct ServerSettings: Sendable {
  /// The address or the name of this machine to listen at.
  public var host: String
  /// The port; 0 for one that is free.
  public var port: Int
  /// What clients have to send, as `Authorization: Bearer`; nil for nothing. An address that other machines
  /// reach needs one.
  public var token: String?
  /// Names of this machine that requests may give as `Host`, besides `host`, addresses and `localhost`.
  public var allowedHosts: [String]
  /// Bytes of a request's body.
  public var bodyLimit = 64 << 10
  /// Bytes of the body of a request that holds an image.
  public var imageBodyLimit = 4 << 20
  /// Bytes of a request's head; a single field may have a quarter.
  public var headLimit = 32 << 10
  /// How long a request may take to arrive, and a connection to be idle.
  public var readTimeout = Duration.seconds(30)
  /// How long a client may leave a response unread.
  public var writeTimeout = Duration.seconds(30)
  /// Connections at a time; further ones wait.
  public var connectionLimit = 512
  /// How long jobs may go on after a signal to end.
  public var drainTimeout = Duration.seconds(30)
  /// How long their images can be fetched after that.
  public var fetchTime = Duration.seconds(3)

  /// Settings; without arguments for this machine alone.
  public init(
    host: String = "127.0.0.1", port: Int = 8080, token: String? = nil, allowedHosts: [String] = []
  ) {
    self.host = host
    self.port = port
    self.token = token
    self.allowedHosts = allowedHosts
  }
}

/// Why a server does not start.
public struct ServerError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The cause.
  public enum Reason: Sendable, Equatable {
    /// Other machines reach the address, and no token is set.
    case missingToken
    /// The token has characters that a header cannot carry, or none.
    case badToken
    /// A name of this machine is no name of a host.
    case badHostName
    /// The address cannot be listened at.
    case address
  }

  /// The cause.
  public let reason: Reason
  /// What is wrong.
  public let message: String

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  public var description: String { message }
}

extension ServerSettings {
  /// - Throws: `ServerError` for settings that are not safe or cannot work.
  func check() throws(ServerError) {
    guard (0...65535).contains(port) else {
      throw ServerError(.address, "port \(port): ports go from 0 to 65535")
    }
    if let name = allowedHosts.first(where: {
      HostName(authority: $0)?.port != nil || HostName(authority: $0) == nil
    }) {
      throw ServerError(.badHostName, "'\(name)' is no name of a host")
    }
    if let token {
      guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw ServerError(
          .badToken, "a token has letters, digits and signs of ASCII without spaces, one at least")
      }
    } else if !HostName(host).isLoopback {
      throw ServerError(
        .missingToken, "other machines reach the address '\(host)': it needs a token")
    }
  }
}
