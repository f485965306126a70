internal import Checkpoint
internal import Files
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

/// Files of latents' statistics, as LightningDiT's code saves them, and metadata of the same.
@Suite struct LatentStatisticsTests {
  private static func write(_ tensors: [(String, Tensor)], to path: String) throws {
    try CheckpointWriter.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: path)
  }

  @Test func readsWhatPyTorchSaved() throws {
    let path = LightningFiles.statistics
    let statistics = try LatentStatistics(readFrom: path)
    let file = try Checkpoint.open(path)
    let mean = try #require(file.tensor("mean"))
    let deviation = try #require(file.tensor("std"))
    #expect(mean.shape == [1, 8, 1, 1])
    #expect(statistics.means == mean.to(.float64).elements(Double.self))
    #expect(statistics.deviations == deviation.to(.float64).elements(Double.self))
  }

  @Test func takesOneNumberAChannelInAnyFormat() throws {
    try withTemporaryFolder { folder in
      let (mean, deviation) = (Tensor([0.5, -1.0]), Tensor([2.0, 0.25]))
      for name in ["x.safetensors", "x.pt", "y.pt"] {
        let shape = name == "y.pt" ? [1, 2, 1, 1] : [2]
        try Self.write(
          [("mean", mean.reshaped(shape)), ("std", deviation.reshaped(shape))],
          to: folder + "/" + name)
        #expect(
          try LatentStatistics(readFrom: folder + "/" + name)
            == LatentStatistics(means: [0.5, -1], deviations: [2, 0.25]))
      }
    }
  }

  @Test(
    arguments: [
      (["mean": [1, 2]], [2], "must hold the tensors mean and std"),
      (["mean": [1, 2], "std": [1, 2], "count": [1, 2]], [2], "mean and std and nothing else"),
      (["mean": [1, 2], "std": [1, 0]], [2], "a standard deviation of 0.0"),
      (["mean": [1, 2], "std": [1, -2]], [2], "a standard deviation of -2.0"),
      (["mean": [1, 2], "std": [1, .nan]], [2], "a standard deviation of nan"),
      (["mean": [1, 2], "std": [1, .infinity]], [2], "a standard deviation of inf"),
      (["mean": [.nan, 2], "std": [1, 2]], [2], "a mean that is not finite"),
      (["mean": [1, 2], "std": [1, 2]], [1, 1, 2, 1], "has the shape [1, 1, 2, 1]"),
      (["mean": [1, 2], "std": [1, 2]], [2, 1], "one number a channel"),
    ] as [([String: [Float]], [Int], String)])
  func refusesOtherFiles(_ values: [String: [Float]], _ shape: [Int], _ words: String) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      try Self.write(
        values.sorted { $0.key < $1.key }.map { ($0.key, Tensor($0.value).reshaped(shape)) },
        to: path)
      let error = #expect(throws: PipelineError.self) { try LatentStatistics(readFrom: path) }
      let message = try #require(error).message
      #expect(message.contains(words) && message.contains(path), "\(message)")
    }
  }

  @Test func saysThatAFileIsMissing() throws {
    #expect(throws: FileError.self) { try LatentStatistics(readFrom: "/missing/latents_stats.pt") }
  }

  @Test func refusesOtherNumbersOfChannels() throws {
    let statistics = LatentStatistics(means: [1, 2], deviations: [1, 2])
    try statistics.check(channelCount: 2, of: "x")
    let error = #expect(throws: PipelineError.self) {
      try statistics.check(channelCount: 4, of: "x.pt", for: "y.pt")
    }
    let message = try #require(error).message
    #expect(message == "'x.pt' has 2 means for 4 channels of latents, those of 'y.pt'")
  }

  @Test func scalesAndRestores() throws {
    let scaling = LatentScaling(
      statistics: LatentStatistics(means: [1, -2], deviations: [2, 0.5]), factor: 3)
    let z = Tensor([5, 1] as [Float]).reshaped([1, 2, 1, 1])
    let scaled = scaling.scaled(LatentDistribution(mean: z), noise: nil)
    #expect(scaled.elements(Float.self) == [6, 18])
    #expect(scaling.restored(scaled).elements(Float.self) == [5, 1])
    // (z + σ ε - mean) / deviation x factor
    let noisy = LatentDistribution(mean: z, logVariance: .zeros([1, 2, 1, 1]))
    let sample = scaling.scaled(noisy, noise: .full([1, 2, 1, 1], 1, dtype: .float32))
    #expect(relativeError(sample, Tensor([7.5, 24] as [Float]).reshaped([1, 2, 1, 1])) < 1e-6)
  }
}
