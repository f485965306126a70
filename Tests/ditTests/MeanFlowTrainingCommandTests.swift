internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// `dit train --objective meanflow`.
@Suite struct MeanFlowTrainingCommandTests {
  private func train(_ options: [String], in folder: String) throws -> ProgramResult {
    try dit(
      [
        "train", "--data-path", "images", "--vae-checkpoint", "none", "--image-size", "16",
        "--patch-size", "4", "--hidden-size", "32", "--depth", "1", "--num-heads", "4",
        "--train-batch-size", "4", "--step-mode",
      ] + options, in: folder)
  }

  /// A flow, then one step; and from nothing, resumed.
  @Test func trainsToOneStep() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let flow = try train(
        ["--objective", "flow", "--max-steps", "2", "--output-path", "flow"], in: folder)
      #expect(flow.status == 0, "\(flow.errors)")
      let run = try train(
        [
          "--objective", "meanflow", "--dit-checkpoint", "flow", "--max-steps", "4",
          "--meanflow-share", "0.5", "--sample-interval", "2", "--output-path", "run",
        ], in: folder)
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("no input for the length of a step; it is added"))
      #expect(FileManager.default.fileExists(atPath: folder + "/run/samples/step-000002.png"))

      func sample(_ options: [String], _ output: String) throws -> ProgramResult {
        try dit(
          [
            "sample", "--dit-checkpoint", "run", "--vae-checkpoint", "none", "--output-path",
            output,
          ]
            + options, in: folder)
      }
      func pixels(_ output: String) throws -> Data {
        try Data(contentsOf: URL(filePath: "\(folder)/\(output)/grid.png"))
      }
      let one = try sample([], "one")
      #expect(one.status == 0, "\(one.errors)")
      #expect(one.errors.contains("family meansit") && one.errors.contains("1 step of meanflow"))
      #expect(try sample(["--mode", "eager"], "eager").status == 0)
      #expect(try sample(["--sampling-steps", "2"], "two").status == 0)
      #expect(try sample(["--family", "sit", "--sampling-steps", "4"], "flow-of-it").status == 0)
      #expect(try pixels("one") != pixels("two"))
      let guided = try sample(["--guidance-scale", "3"], "guided")
      #expect(guided.status == 64 && guided.errors.contains("have guidance in them"))
      let weak = try sample(["--guide-checkpoint", "run"], "weak")
      #expect(weak.status == 64 && weak.errors.contains("has guidance in it"))
      let euler = try dit(
        [
          "sample", "--dit-checkpoint", "flow", "--vae-checkpoint", "none", "--family", "meansit",
          "--output-path", "x",
        ], in: folder)
      #expect(euler.status != 0 && euler.errors.contains("is of one of the families"))

      let back = try train(
        [
          "--objective", "flow", "--dit-checkpoint", "run", "--max-steps", "1", "--output-path",
          "b",
        ],
        in: folder)
      #expect(back.status == 64 && back.errors.contains("predicts average velocities"))
    }
  }

  @Test func resumesBitForBit() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let options = ["--objective", "meanflow", "--timestep-sampling", "logit-normal"]
      let whole = try train(options + ["--max-steps", "4", "--output-path", "whole"], in: folder)
      #expect(whole.status == 0, "\(whole.errors)")
      #expect(
        try train(options + ["--max-steps", "2", "--output-path", "part"], in: folder).status == 0)
      let rest = try train(
        options + ["--max-steps", "4", "--output-path", "part", "--resume"], in: folder)
      #expect(rest.status == 0, "\(rest.errors)")
      func weights(_ run: String) throws -> [String: Tensor] {
        try Checkpoint.open("\(folder)/\(run)/checkpoints/latest/model.safetensors").stateDict
      }
      let (expected, resumed) = (try weights("whole"), try weights("part"))
      for (name, tensor) in expected {
        #expect(relativeError(try #require(resumed[name]), tensor) == 0, "\(name)")
      }
    }
  }

  @Test(arguments: [
    (["--meanflow-share", "0.5"], "are for --objective meanflow"),
    (["--objective", "meanflow", "--meanflow-mixing", "1"], "--meanflow-mixing"),
    (["--objective", "meanflow", "--meanflow-share", "1.5"], "--meanflow-share"),
    (["--objective", "meanflow", "--path", "gvp"], "are for --objective flow"),
    (["--objective", "meanflow", "--learn-sigma", "true"], "no variance to learn"),
  ]) func refusesWhatDoesNotFit(_ options: [String], _ words: String) throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try train(options + ["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(result.status == 64 && result.errors.contains(words), "\(result.errors)")
    }
  }
}
