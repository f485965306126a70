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
        ] + SmallModel.options, in: folder)
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

  /// A record of the other command gives model and sampler; how many images is meant otherwise there.
  @Test func takesWhatFitsOfTheOtherCommandsRecord() throws {
    try withTemporaryFolder { folder in
      let options = ["--sampling-steps", "1", "--seed", "3", "--num-samples", "3"]
      for arguments in [
        ["sample", "--class-labels", "3,1", "--output-path", "few"],
        ["generate", "--labels", "random", "--output-path", "many"],
        ["generate", "--output-path", "file.npz"],
      ] {
        let made = try dit(arguments + options, in: folder)
        #expect(made.status == 0, "\(made.errors)")
      }
      let few = try dit(["sample", "-c", "many/samples.json", "--output-path", "a"], in: folder)
      #expect(few.status == 0, "\(few.errors)")
      #expect(
        few.errors.contains(
          "'many/samples.json' is the record of dit generate, whose images are others for the same seed:"
            + " class_labels and num_samples left out; dit generate -c many/samples.json repeats them"
        ),
        "\(few.errors)")
      let record = try jsonRecord(folder + "/a/sample.json")
      #expect(record["num_samples"] as? Int == 1 && record["seed"] as? Int == 3)
      #expect(record["sampling_steps"] as? Int == 1 && record["command"] as? String == "sample")
      // Records of earlier versions do not name the command.
      let path = folder + "/few/sample.json"
      let former = try String(contentsOfFile: path, encoding: .utf8)
        .replacing("\"command\" : \"sample\",", with: "")
        .replacing("built-in", with: "embedded")
      try AtomicFile.write(former, to: path)
      let none = try dit(["generate", "-c", "few/sample.json", "--output-path", "b"], in: folder)
      #expect(none.status == 64 && none.errors.contains("give --num-samples"), "\(none.errors)")
      let many = try dit(
        ["generate", "-c", "few/sample.json", "--num-samples", "4", "--output-path", "b"],
        in: folder)
      #expect(many.status == 0, "\(many.errors)")
      #expect(many.errors.contains("is the record of dit sample, "), "\(many.errors)")
      #expect(many.errors.contains(": num_samples left out"), "\(many.errors)")
      #expect(try jsonRecord(folder + "/b/samples.json")["class_labels"] as? String == "3,1")
      // The job of `dit sample --npz` is that of `dit generate`.
      let same = try dit(["sample", "-c", "file.json", "--npz", "again.npz"], in: folder)
      #expect(same.status == 0 && !same.errors.contains("is the record of"), "\(same.errors)")
      let files = try ["file.npz", "again.npz"].map {
        try Data(contentsOf: URL(filePath: folder + "/" + $0))
      }
      #expect(files[0] == files[1])
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
