public import Hummingbird
internal import NIOCore

/// What goes with a request through the routes of an `ImageServer`.
public struct ServerContext: RequestContext {
  public var coreContext: CoreRequestContextStorage
  /// The connection.
  let channel: any Channel

  public init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }

  /// A part of the path, with escapes resolved; empty if they are wrong.
  func parameter(_ name: String) -> String {
    parameters.get(name).flatMap { $0.removingPercentEscapes } ?? ""
  }
}

extension String {
  /// The text without `%20` and its like; nil if the result is no UTF-8.
  var removingPercentEscapes: String? {
    guard utf8.contains(UInt8(ascii: "%")) else { return self }
    var (bytes, rest) = ([UInt8](), utf8[...])
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst(), let low = rest.popFirst(),
        let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(value)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
