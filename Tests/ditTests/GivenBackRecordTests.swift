internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// The record of a run as the configuration file of another.
@Suite struct GivenBackRecordTests {
  @Test func repeatsARunOfSample() throws {
    try withTemporaryFolder { folder in
      let first = try dit(
        [
          "sample", "--class-labels", "face,1,cat", "--num-samples", "2", "--batch-size", "4",
          "--sampler", "ddim", "--eta", "0.5", "--sampling-steps", "2", "--seed", "7",
          "--guidance-scale", "2.5", "--cfg-channels", "all", "--output-path", "first",
        ], in: folder)
      #expect(
        first.status == 0 && first.errors.contains("6 images in 2 batches"), "\(first.errors)")
      #expect(first.errors.contains("Sampling batch 2/2, step 2/2"), "\(first.errors)")
      #expect(first.errors.contains("to prepare, 4 steps of"), "\(first.errors)")
      let second = try dit(
        ["sample", "-c", "first/sample.json", "--output-path", "second"], in: folder)
      #expect(second.status == 0, "\(second.errors)")
      let grids = try ["first", "second"].map {
        try Data(contentsOf: URL(filePath: "\(folder)/\($0)/grid.png"))
      }
      #expect(grids[0] == grids[1])
      let other = try dit(
        ["sample", "-c", "first/sample.json", "--seed", "8", "--output-path", "third"], in: folder)
      #expect(other.status == 0)
      #expect(try Data(contentsOf: URL(filePath: "\(folder)/third/grid.png")) != grids[0])
    }
  }

  @Test(arguments: [[], ["--labels", "equal"], ["--class-labels", "3,1", "--labels", "random"]])
  func repeatsAJob(_ labels: [String]) throws {
    try withTemporaryFolder { folder in
      let options = ["generate", "--num-samples", "3", "--sampling-steps", "1", "--seed", "3"]
      let first = try dit(options + labels + ["--output-path", "first"], in: folder)
      #expect(first.status == 0, "\(first.errors)")
      let second = try dit(
        ["generate", "-c", "first/samples.json", "--output-path", "second"], in: folder)
      #expect(second.status == 0, "\(second.errors)")
      let names = try Folder.names(in: folder + "/first")
      #expect(try Folder.names(in: folder + "/second") == names)
      for name in names {
        let images = try ["first", "second"].map {
          try Data(contentsOf: URL(filePath: "\(folder)/\($0)/\(name)"))
        }
        #expect(images[0] == images[1])
      }
    }
  }

  @Test func letsAFlagWinOverTheRecord() throws {
    try withTemporaryFolder { folder in
      let options = ["generate", "--num-samples", "3", "--sampling-steps", "1"]
      let first = try dit(options + ["--labels", "equal", "--output-path", "first"], in: folder)
      #expect(first.status == 0, "\(first.errors)")
      let second = try dit(
        ["generate", "-c", "first/samples.json", "--labels", "random", "--output-path", "second"],
        in: folder)
      #expect(second.status == 0, "\(second.errors)")
      let fields = try jsonRecord(folder + "/second/samples.json")
      #expect(fields["class_labels"] as? String == "random", "\(fields)")
    }
  }

  @Test(arguments: [".", "./", "./.", ".."])
  func leavesNothingNextToTheFolder(_ output: String) throws {
    try withTemporaryFolder { folder in
      let inner = folder + "/outer/inner"
      try Folder.make(inner)
      let result = try dit(
        [
          "generate", "--num-samples", "1", "--sampling-steps", "1", "--force", "--output-path",
          output,
        ], in: inner)
      #expect(result.status == 0, "\(result.errors)")
      let places = [folder, folder + "/outer", inner]
      let names = try places.flatMap(Folder.names)
      let image = try #require(names.first { $0.hasSuffix(".png") })
      #expect(Set(names) == ["outer", "inner", "samples.json", image] && names.count == 4)
    }
  }
}
