internal import Checkpoint
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct WeightSetTests {
  @Test func takesTheSetThatIsAskedFor() throws {
    let path = golden("checkpoints/training.pt")
    let averaged = try #require(try Checkpoint.open(path, weights: .averaged).tensor("0.weight"))
    let last = try #require(try Checkpoint.open(path, weights: .last).tensor("0.weight"))
    let automatic = try #require(try Checkpoint.open(path).tensor("0.weight"))
    #expect(relativeError(averaged, last + 1) == 0)
    #expect(relativeError(automatic, averaged) == 0)
    #expect(try Checkpoint.open(path).isTraining)
  }

  @Test func refusesAMissingAverage() throws {
    for file in ["parameters.pt", "ms-types.ckpt"] {
      let path = golden("checkpoints/\(file)")
      #expect(throws: CheckpointError.self) { try Checkpoint.open(path, weights: .averaged) }
      #expect(try Checkpoint.open(path, weights: .last).isTraining == false)
    }
  }
}
