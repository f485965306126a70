@testable internal import Checkpoint
internal import Testing

/// Against the check value of CRC-32/ISO-HDLC, and sums of Python's `zlib.crc32`.
@Suite struct CRC32Tests {
  @Test func hasThePublishedSums() {
    let digits = Array("123456789".utf8)
    #expect(digits.withUnsafeBytes(CRC32.checksum) == 0xCBF4_3926)
    #expect([UInt8]().withUnsafeBytes(CRC32.checksum) == 0)
    #expect([0 as UInt8].withUnsafeBytes(CRC32.checksum) == 0xD202_EF8D)
    #expect(CRC32.text(0xA) == "0000000a")
  }

  @Test func goesOnFromAnEarlierSum() {
    let first = Array("1234".utf8).withUnsafeBytes(CRC32.checksum)
    let none = [UInt8]().withUnsafeBytes { CRC32.checksum($0, after: first) }
    #expect(none == first)
    let rest = Array("56789".utf8)
    #expect(rest.withUnsafeBytes { CRC32.checksum($0, after: first) } == 0xCBF4_3926)
  }
}
