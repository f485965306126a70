internal import CDigest

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
package struct SHA256: Sendable {
  private var state = cdigest_sha256()

  /// A digest of no bytes yet.
  ///
  /// - Parameter isPlain: whether to leave the processor's instructions for SHA-256 aside.
  package init(isPlain: Bool = false) { cdigest_sha256_begin(&state, isPlain ? 1 : 0) }

  /// Adds bytes.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    cdigest_sha256_add(&state, bytes.baseAddress, bytes.count)
  }

  /// The digest of all bytes added: 32 bytes.
  package consuming func bytes() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    cdigest_sha256_end(&state, &digest)
    return digest
  }

  /// The digest of all bytes added, as 64 hexadecimal digits.
  package consuming func text() -> String {
    bytes().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// The digest of some bytes, as 64 hexadecimal digits.
  package static func text(of bytes: UnsafeRawBufferPointer) -> String {
    var digest = SHA256()
    digest.add(bytes)
    return digest.text()
  }
}
