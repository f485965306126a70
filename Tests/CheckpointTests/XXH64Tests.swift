@testable internal import Checkpoint
internal import Testing

/// Against values of the reference library, xxHash 0.8.4.
@Suite struct XXH64Tests {
  @Test(arguments: [
    (0, 0xEF46_DB37_51D8_E999 as UInt64), (1, 0xE934_A84A_DB05_2768), (5, 0xDD02_7438_6E26_030C),
    (31, 0xC346_D2B5_9B4D_8EE1), (32, 0xCBF5_9C51_16FF_32B4), (45, 0x10FD_D84D_6409_ABDF),
    (300, 0x4F1D_6DE0_165B_155A),
  ]) func hasThePublishedSums(count: Int, sum: UInt64) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    #expect(bytes.withUnsafeBytes(XXH64.checksum) == sum)
  }

  @Test func noticesEveryFlippedBit() {
    var bytes = [UInt8](0..<77)
    let sound = bytes.withUnsafeBytes(XXH64.checksum)
    for bit in 0..<8 * bytes.count {
      bytes[bit / 8] ^= 1 << (bit % 8)
      #expect(bytes.withUnsafeBytes(XXH64.checksum) != sound)
      bytes[bit / 8] ^= 1 << (bit % 8)
    }
  }
}
