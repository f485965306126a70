internal import Files
internal import Testing

@Suite struct SHA256Tests {
  private func digest(_ bytes: [UInt8], isPlain: Bool, piece: Int = .max) -> String {
    var digest = SHA256(isPlain: isPlain)
    var rest = bytes[...]
    while !rest.isEmpty {
      rest.prefix(piece).withUnsafeBytes { digest.add($0) }
      rest = rest.dropFirst(piece)
    }
    return digest.text()
  }

  /// The examples of FIPS 180-2, appendix B, and the empty text.
  @Test(arguments: [false, true]) func givesThePublishedDigests(isPlain: Bool) {
    let examples = [
      "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq":
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ]
    for (text, expected) in examples {
      #expect(digest(Array(text.utf8), isPlain: isPlain) == expected)
    }
    let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    #expect(
      digest(million, isPlain: isPlain)
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func isTheSameInPiecesAndWithoutInstructions() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 37 >> 2) }
    for count in 0..<200 {
      let part = Array(bytes.prefix(count))
      let expected = digest(part, isPlain: true)
      #expect(digest(part, isPlain: false) == expected)
      #expect(digest(part, isPlain: false, piece: 7) == expected)
    }
  }
}
