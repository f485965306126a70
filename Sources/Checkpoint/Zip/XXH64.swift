/// A fast checksum, to compare a written file with its tensors.
///
/// Source: Y. Collet, "xxHash fast digest algorithm", version 0.2.0, section "XXH64 algorithm",
/// with seed 0.
enum XXH64 {
  private static let primes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (
    0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5
  )

  /// The checksum of all bytes.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let count = bytes.count
    var offset = 0
    var sum = primes.4
    if count >= 32 {
      var (a, b) = (primes.0 &+ primes.1, primes.1)
      var (c, d) = (0 as UInt64, 0 &- primes.0)
      while offset + 32 <= count {
        a = round(a, word(bytes, offset))
        b = round(b, word(bytes, offset + 8))
        c = round(c, word(bytes, offset + 16))
        d = round(d, word(bytes, offset + 24))
        offset += 32
      }
      sum = turned(a, 1) &+ turned(b, 7) &+ turned(c, 12) &+ turned(d, 18)
      for lane in [a, b, c, d] { sum = (sum ^ round(0, lane)) &* primes.0 &+ primes.3 }
    }
    sum &+= UInt64(count)
    while offset + 8 <= count {
      sum = turned(sum ^ round(0, word(bytes, offset)), 27) &* primes.0 &+ primes.3
      offset += 8
    }
    if offset + 4 <= count {
      let half = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      sum = turned(sum ^ (UInt64(UInt32(littleEndian: half)) &* primes.0), 23)
      sum = sum &* primes.1 &+ primes.2
      offset += 4
    }
    while offset < count {
      sum = turned(sum ^ (UInt64(bytes[offset]) &* primes.4), 11) &* primes.0
      offset += 1
    }
    sum = (sum ^ (sum >> 33)) &* primes.1
    sum = (sum ^ (sum >> 29)) &* primes.2
    return sum ^ (sum >> 32)
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    turned(lane &+ (word &* primes.1), 31) &* primes.0
  }

  @inline(__always)
  private static func turned(_ word: UInt64, _ count: UInt64) -> UInt64 {
    word << count | word >> (64 - count)
  }

  @inline(__always)
  private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}
