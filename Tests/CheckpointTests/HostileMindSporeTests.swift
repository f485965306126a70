internal import Checkpoint
internal import TestSupport
internal import Testing

/// MindSpore files that are damaged or malicious.
@Suite struct HostileMindSporeTests {
  private static let eight = [UInt8](repeating: 0, count: 8)

  @Test(arguments: ["ms-types", "ms-sliced", "ms-texts", "ms-checked"])
  func refusesAFileCutShortExceptBetweenTensors(file: String) throws {
    let bytes = try content(of: golden("checkpoints/\(file).ckpt"))
    var survivors = 0
    for length in 0..<bytes.count {
      do {
        try open(Array(bytes[..<length]))
        survivors += 1
      } catch is CheckpointError {
        continue
      }
    }
    // A message that ends after an entry is valid.
    #expect(survivors <= 12)
  }

  @Test(arguments: ["ms-types", "ms-sliced", "ms-texts", "ms-wrapped"])
  func neverReachesBeyondTheFileWithOneBitFlipped(file: String) throws {
    var bytes = try content(of: golden("checkpoints/\(file).ckpt"))
    for bit in 0..<8 * min(bytes.count, 1024) {
      bytes[bit / 8] ^= 1 << (bit % 8)
      defer { bytes[bit / 8] ^= 1 << (bit % 8) }
      guard let found = try? open(bytes) else { continue }
      for entry in found.entries {
        for run in [entry.byteOffset..<entry.byteOffset + entry.byteCount] + entry.continuation {
          #expect(run.lowerBound >= 0 && run.upperBound <= bytes.count)
        }
      }
    }
  }

  @Test(arguments: [
    [3], [1], [2, 2], [0], [], [UInt64.max], [1 << 63], [1 << 62, 4], [1 << 32, 1 << 32],
    [UInt64](repeating: 1, count: 65),
  ])
  func refusesShapesThatDoNotFitTheBytes(dims: [UInt64]) {
    let file = ProtobufBytes.entry(
      "weight", ProtobufBytes.tensor(dims, HostileMindSporeTests.eight))
    expectFailure(.damaged, "'weight'", opening: file)
  }

  @Test func acceptsSizesInOneRunAndFieldsItDoesNotKnow() throws {
    let tensor =
      ProtobufBytes.field(9, 5) + ProtobufBytes.field(1, [2, 1])
      + ProtobufBytes.field(2, Array("Float32".utf8)) + [0x7D, 0, 0, 0, 0]
      + ProtobufBytes.field(3, HostileMindSporeTests.eight)
    let entry = try #require(try open(ProtobufBytes.entry("weight", tensor)).entries.first)
    #expect(entry.shape == [2, 1] && entry.byteCount == 8)
  }

  @Test(arguments: [
    // A length beyond the file, beyond 63 bits, beyond 64 bits.
    ([0x0A, 0x7F], "cut short"),
    ([0x0A] + [UInt8](repeating: 0xFF, count: 9) + [0x01], "absurd length"),
    ([0x0A] + [UInt8](repeating: 0xFF, count: 10), "beyond 64 bits"),
    // A field of number 0, and one of an unknown wire type.
    ([0x02, 0x00], "no number"), ([0x0B], "wire type 3"), ([0x0E], "wire type 6"),
    ([0x0A, 0x00], "lacks its name"),
  ])
  func refusesInvalidFields(rest: [UInt8], words: String) {
    let sound = ProtobufBytes.entry(
      "weight", ProtobufBytes.tensor([2], HostileMindSporeTests.eight))
    expectFailure(.damaged, words, opening: sound + rest)
  }

  @Test func refusesPartsThatDoNotMakeATensor() {
    let eight = HostileMindSporeTests.eight
    let part = ProtobufBytes.entry("weight", ProtobufBytes.tensor([4], eight))
    let other = ProtobufBytes.entry("other", ProtobufBytes.tensor([2], eight))
    let longer = ProtobufBytes.entry("weight", ProtobufBytes.tensor([5], eight))
    let half = ProtobufBytes.entry("weight", ProtobufBytes.tensor([4], eight, type: "Float16"))
    expectFailure(.damaged, "does not fit", opening: part)
    expectFailure(.damaged, "does not fit", opening: part + part + part)
    expectFailure(.damaged, "does not fit", opening: part + other + part)
    expectFailure(.damaged, "differ in shape or type", opening: part + longer)
    expectFailure(.damaged, "differ in shape or type", opening: part + half)
    expectFailure(.damaged, "two tensors", opening: other + part + part + other)
  }

  @Test func refusesValuesOtherThanTensors() throws {
    let name = ProtobufBytes.field(1, Array("weight".utf8))
    let eight = HostileMindSporeTests.eight
    expectFailure(
      .unsupported, "hash table",
      opening: ProtobufBytes.field(1, name + ProtobufBytes.field(3, eight)))
    expectFailure(
      .damaged, "lacks its element type",
      opening: ProtobufBytes.field(1, name + ProtobufBytes.field(2, [])))
    let foreign = try open(
      ProtobufBytes.entry("weight", ProtobufBytes.tensor([4], eight, type: "UInt16"))
    ).foreign
    #expect(foreign.map(\.type) == ["UInt16"] && foreign.map(\.shape) == [[4]])
    let text = ProtobufBytes.entry("text", ProtobufBytes.tensor([0], [0x61, 0, 0, 0], type: "str"))
    expectFailure(.noTensors, "no tensors", opening: text)
    expectFailure(
      .damaged, "not UTF-32",
      opening: ProtobufBytes.entry("text", ProtobufBytes.tensor([0], [0, 0, 0x11], type: "str")))
  }
}
