internal import Checkpoint
internal import TestSupport
internal import Testing

/// Files that were cut short or altered.
@Suite struct DamagedFileTests {
  @Test(arguments: ["layouts", "training", "legacy", "unchecked", "numpy2", "numpy5"])
  func refusesAFileCutShortAnywhere(file: String) throws {
    let bytes = try content(of: golden("checkpoints/\(file).pt"))
    // One expectation in all: each takes longer than opening a file.
    let taken = try (0..<bytes.count).filter { length in
      do {
        _ = try open(Array(bytes[..<length]))
        return true
      } catch is CheckpointError {
        return false
      }
    }
    #expect(taken.isEmpty)
  }

  @Test(arguments: ["layouts", "unchecked", "legacy", "legacy4", "numpy-bare2", "numpy-bare5"])
  func neverReachesBeyondTheFileWithOneBitFlipped(file: String) throws {
    var bytes = try content(of: golden("checkpoints/\(file).pt"))
    var failures = 0
    var beyond: [Int] = []
    for bit in 0..<8 * min(bytes.count, 2048) {
      bytes[bit / 8] ^= 1 << (bit % 8)
      defer { bytes[bit / 8] ^= 1 << (bit % 8) }
      do {
        let isWithin = try open(bytes).entries.allSatisfy { entry in
          entry.byteOffset >= 0 && entry.byteCount >= 0
            && entry.byteOffset + entry.byteCount <= bytes.count
        }
        if !isWithin { beyond.append(bit) }
      } catch is CheckpointError {
        failures += 1
      }
    }
    #expect(failures > 1000 && beyond.isEmpty)
  }

  @Test func noticesEveryFlippedBitOfThePickleAndTheStorages() throws {
    let pickle = PickleBytes.pickle(
      PickleBytes.dict([("weight", PickleBytes.tensor([2], strides: [1], count: 2))]))
    let storage: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    let sound = ZipBytes.checkpoint(pickle: pickle, storage: storage)
    #expect(try open(sound.bytes).entries.map(\.name) == ["weight"])
    for index in [0, 2] {
      let content = sound.entries[index].content
      for bit in 0..<8 * content.count {
        var altered = sound
        altered.entries[index].checksum = ZipBytes.checksum(content)
        altered.entries[index].content[bit / 8] ^= 1 << (bit % 8)
        expectFailure(.damaged, "checksum", opening: altered.bytes)
      }
    }
  }
}
