internal import Checkpoint
internal import Testing

@Suite struct HostileSafetensorsTests {
  /// A file with a header and `dataByteCount` bytes of data.
  private func file(_ header: String, dataByteCount: Int = 8, claimed: UInt64? = nil) -> [UInt8] {
    let length = claimed ?? UInt64(header.utf8.count)
    return withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array(header.utf8)
      + [UInt8](repeating: 0, count: dataByteCount)
  }

  private func tensor(_ name: String, _ shape: String, _ offsets: String) -> String {
    #""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  @Test func opensASoundFile() throws {
    let opened = try open(file("{" + tensor("a", "[2]", "[0,8]") + "}"))
    #expect(opened.entries.map(\.name) == ["a"])
  }

  @Test(arguments: [0x280, 0x380, 0x480, 0x580])
  func opensAFileThatBeginsAsAPickle(_ length: Int) throws {
    let header = "{" + tensor("a", "[2]", "[0,8]") + "}"
    let opened = try open(file(header + String(repeating: " ", count: length - header.utf8.count)))
    #expect(opened.entries.map(\.name) == ["a"])
  }

  @Test(arguments: [
    ("[2]", "[0,9]", "lies at bytes 0 to 9"), ("[2]", "[8,0]", "lies at bytes 8 to 0"),
    ("[2]", "[-8,0]", "a negative number"), ("[2]", "[0,8,9]", "more than 2"),
    ("[2]", "[0]", "two data_offsets"), ("[3]", "[0,8]", "does not fit"),
    ("[-2]", "[0,8]", "a negative number"), ("[1]", "[4,8]", "leaves a hole"),
    ("[1]", "[0,4]", "end at byte 4"),
    ("[4611686018427387904,4]", "[0,8]", "does not fit"),
    ("[99999999999999999999]", "[0,8]", "beyond 64 bits"), ("[2.5]", "[0,8]", "is expected"),
  ]) func refusesImpossibleOffsetsAndShapes(_ shape: String, _ offsets: String, _ hint: String) {
    expectFailure(
      .damaged, hint, opening: file("{" + tensor("a", shape, offsets) + "}"))
  }

  @Test func refusesTensorsThatOverlapOrComeTwice() {
    let overlap = [tensor("a", "[2]", "[0,8]"), tensor("b", "[1]", "[4,8]")]
    expectFailure(.damaged, "overlaps", opening: file("{\(overlap.joined(separator: ","))}"))
    let twice = [tensor("a", "[1]", "[0,4]"), tensor("a", "[1]", "[4,8]")]
    expectFailure(.damaged, "'a' comes twice", opening: file("{\(twice.joined(separator: ","))}"))
  }

  @Test(arguments: [
    (UInt64.max, "absurd"), (1 << 40, "the format allows"), (5000, "copied whole"),
  ]) func refusesAHeaderOfAbsurdLength(_ length: UInt64, _ hint: String) {
    expectFailure(.damaged, hint, opening: file("{}", claimed: length))
  }

  @Test func stopsNestedJSONAtTheFirstExtraBracket() {
    let deep = String(repeating: #"{"a":"#, count: 100_000)
    expectFailure(.damaged, "JSON", opening: file(deep))
    expectFailure(
      .damaged, "JSON", opening: file("{\"a\":" + String(repeating: "[", count: 100_000)))
  }

  @Test(arguments: ["C64", "U16", "F4", "NEW"])
  func listsATensorOfATypeThatIsNotComputedIn(type: String) throws {
    let header = #"{"a":{"dtype":"\#(type)","shape":[1],"data_offsets":[0,8]}}"#
    let opened = try open(file(header))
    #expect(opened.entries.isEmpty && opened.foreign.map(\.type) == [type])
    #expect(opened.foreign.map(\.shape) == [[1]] && opened.foreign.map(\.byteCount) == [8])
    let absurd = header.replacing("[1]", with: "[4611686018427387904,4]")
    expectFailure(.damaged, "absurd", opening: file(absurd))
  }

  @Test func neverCrashesOnAFlippedBitOrACut() {
    let sound = file("{" + tensor("a", "[1,2]", "[0,8]") + "}")
    for bit in 0..<sound.count * 8 {
      var bytes = sound
      bytes[bit / 8] ^= 1 << (bit % 8)
      _ = try? open(bytes)
    }
    for count in 1..<sound.count {
      #expect(throws: CheckpointError.self) { try open(Array(sound.prefix(count))) }
    }
  }
}
