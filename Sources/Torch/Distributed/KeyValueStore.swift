internal import CTorch

/// Short texts and counters shared by the processes of a job over TCP (c10d's `TCPStore`).
///
/// One process serves the store in a thread until it ends.
public final class KeyValueStore {
  let handle: ctorch_store
  /// The port of the server.
  public let port: Int

  /// The limit of a text in bytes.
  private static let capacity = 1 << 17

  /// Connects to a store; as the server, makes it first.
  ///
  /// - Parameters:
  ///   - host: the server's name or address.
  ///   - port: the server's port; 0 lets the system choose one.
  ///   - isServer: whether this process serves the store.
  ///   - prefix: put before all keys.
  ///   - timeout: the limit for each call, and for connecting.
  /// - Throws: `TorchError` if there is no connection in time, or the port is taken.
  public init(
    host: String, port: Int, isServer: Bool, prefix: String = "", timeout: Duration
  ) throws {
    var (handle, actual) = (ctorch_store(impl: nil), UInt16(0))
    try check(
      ctorch_store_create(
        host, UInt16(clamping: port), isServer, prefix, timeout.inMilliseconds, &handle, &actual),
      isServer ? "listening on port \(port)" : "connecting to \(host):\(port)")
    self.handle = handle
    self.port = Int(actual)
  }

  deinit { ctorch_store_release(handle) }

  /// Sets the text of a key.
  ///
  /// - Throws: `TorchError` if the server cannot be reached.
  public func set(_ key: String, to text: String) throws {
    try check(ctorch_store_set(handle, key, text), "writing '\(key)'")
  }

  /// Waits for the text of a key, cut to 128 KiB.
  ///
  /// - Throws: `TorchError` after the timeout, or if the server cannot be reached.
  public func text(of key: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: KeyValueStore.capacity)
    try check(ctorch_store_get(handle, key, &buffer, buffer.count), "waiting for '\(key)'")
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Whether a key has a text.
  ///
  /// - Throws: `TorchError` if the server cannot be reached.
  public func has(_ key: String) throws -> Bool {
    var result = false
    try check(ctorch_store_has(handle, key, &result), "looking for '\(key)'")
    return result
  }

  /// Adds to a counter that starts at 0, atomically.
  ///
  /// - Returns: the new value.
  /// - Throws: `TorchError` if the server cannot be reached.
  public func add(_ amount: Int, to key: String) throws -> Int {
    var result: Int64 = 0
    try check(ctorch_store_add(handle, key, Int64(amount), &result), "adding to '\(key)'")
    return Int(result)
  }
}

extension Duration {
  /// Whole milliseconds, at least 1.
  var inMilliseconds: Int64 {
    Swift.max(1, components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
  }
}
