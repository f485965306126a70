internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct FlowCommandTests {
  /// A small model without learned variance.
  private static var tensors: [(String, Tensor)] {
    get throws {
      try GoldenValues("dit-fixed").weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
  }

  private func sample(
    _ checkpoint: String, _ options: [String] = [], in folder: String
  ) throws -> (status: Int32, output: String, errors: String) {
    let result = try dit(
      [
        "sample", "--dit-checkpoint", checkpoint, "--vae-checkpoint", "none", "--num-heads", "2",
        "--class-labels", "0,1", "--precision", "fp32", "--output-path", "out", "--force",
      ] + options, in: folder)
    return (result.status, result.output, result.errors)
  }

  /// From training to images, without a word about what the model is.
  @Test func trainsAndSamplesAFlow() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let options = [
        "--objective", "flow", "--path", "gvp", "--prediction", "noise", "--flow-weighting",
        "velocity", "--timestep-sampling", "logit-normal", "--max-steps", "6", "--sample-interval",
        "3",
      ]
      let run = try train(options + ["--output-path", "run"], in: folder)
      #expect(run.status == 0, "\(run.errors)")
      #expect(FileManager.default.fileExists(atPath: folder + "/run/samples/step-000003.png"))
      let told = "family sit, a flow on the gvp path that predicts noise, from the file's metadata"
      let first = try sample("run", ["--sampling-steps", "4"], in: folder)
      #expect(first.status == 0, "\(first.errors)")
      #expect(first.errors.contains(told) && first.errors.contains("4 steps of heun"))
      let pixels = try Data(contentsOf: URL(filePath: folder + "/out/grid.png"))

      let record = try String(contentsOfFile: folder + "/out/sample.json", encoding: .utf8)
      #expect(record.contains("\"family\" : \"sit\"") && record.contains("\"path\" : \"gvp\""))
      let again = try dit(
        ["sample", "-c", "out/sample.json", "--output-path", "again"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(try Data(contentsOf: URL(filePath: folder + "/again/grid.png")) == pixels)

      let converted = try dit(
        ["convert", "--source", "run", "--target", "flow.pt"], in: folder)
      #expect(converted.status == 0, "\(converted.errors)")
      #expect(try sample("flow.pt", ["--sampling-steps", "4"], in: folder).errors.contains(told))
      let inspected = try dit(["inspect", "flow.pt"], in: folder).output
      #expect(inspected.contains("family") && inspected.contains("gvp"))
      let diffusers = try dit(
        ["convert", "--source", "run", "--target", "folder", "--format", "diffusers"], in: folder)
      #expect(diffusers.status == 1)
      #expect(diffusers.errors.contains("diffusers has no pipeline for one"))
    }
  }

  @Test func resumesAFlowAndNoOther() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let flow = ["--objective", "flow"]
      let whole = try train(flow + ["--max-steps", "6", "--output-path", "whole"], in: folder)
      #expect(whole.status == 0, "\(whole.errors)")
      let part = try train(flow + ["--max-steps", "3", "--output-path", "part"], in: folder)
      #expect(part.status == 0, "\(part.errors)")
      let other = try train(
        ["--objective", "ddpm", "--max-steps", "6", "--output-path", "part", "--resume"], in: folder
      )
      #expect(other.status == 1)
      #expect(other.errors.contains("objective: flow linear velocity there, ddpm here"))
      let rest = try train(
        flow + ["--max-steps", "6", "--output-path", "part", "--resume"], in: folder)
      #expect(rest.status == 0, "\(rest.errors)")
      let (expected, resumed) = (
        try weights("\(folder)/whole/checkpoints/latest/model.safetensors"),
        try weights("\(folder)/part/checkpoints/latest/model.safetensors")
      )
      for (name, tensor) in expected {
        #expect(relativeError(try #require(resumed[name]), tensor) == 0, "\(name)")
      }
    }
  }

  @Test func findsTheFamilyOfAFile() throws {
    try withTemporaryFolder { folder in
      let tensors = try FlowCommandTests.tensors
      for name in ["SiT-XL-2-256.safetensors", "plain.safetensors"] {
        try CheckpointWriter.write(tensors, metadata: ["num_heads": "4"], to: folder + "/" + name)
      }
      let projectors = [("projectors.0.0.weight", Tensor.ones([4, 32]))]
      try CheckpointWriter.write(
        tensors + projectors, metadata: ["num_heads": "4"], to: folder + "/repa.safetensors")
      try CheckpointWriter.write(
        tensors, metadata: ["num_heads": "4", "family": "mmdit"],
        to: folder + "/unknown.safetensors")
      func errors(_ name: String, _ options: [String] = []) throws -> String {
        try dit(
          [
            "sample", "--dit-checkpoint", name + ".safetensors", "--vae-checkpoint", "none",
            "--class-labels", "1", "--sampling-steps", "3", "--output-path", "out", "--force",
          ] + options, in: folder
        ).errors
      }
      #expect(try errors("SiT-XL-2-256").contains("family sit, a flow on the linear path"))
      #expect(try errors("SiT-XL-2-256").contains("by the name of the file"))
      #expect(try errors("repa").contains("as the file has projectors of REPA"))
      #expect(try errors("repa").contains("left out projectors.*"))
      #expect(try errors("plain").contains("3 steps of ddpm"))
      #expect(
        try errors("plain", ["--path", "vp"]).contains(
          "family sit, a flow on the vp path that predicts velocity, as chosen"))
      #expect(try errors("SiT-XL-2-256", ["--family", "dit"]).contains("it would be sit"))
      #expect(try errors("unknown").contains("the family 'mmdit'; known are dit, sit, repa"))
      #expect(
        try errors("plain", ["--family", "dit", "--prediction", "x0"]).contains(
          "flows are of the families sit, repa, lightningdit"))
    }
  }

  @Test(arguments: [
    (["--sampler", "ddpm"], "does not fit this model; those that do are euler, heun, unipc"),
    (["--sampler", "dopri5", "--atol", "0"], "--atol 0: must be from 1e-07 to 1"),
    (["--guidance-interval", "0.5,1.5"], "0.5,1.5"),
    (["--timestep-spacing", "leading"], "leading"),
    (["--time-shift", "2", "--timestep-spacing", "linspace"], "contradicts"),
    (["--sampler", "euler-sde", "--sampling-steps", "1"], "at least 2 steps"),
    (["--family", "mmdit"], "mmdit"),
  ]) func refusesWhatDoesNotFitAFlow(_ options: [String], _ words: String) throws {
    try withTemporaryFolder { folder in
      let tensors = try FlowCommandTests.tensors
      try CheckpointWriter.write(
        tensors, metadata: ["num_heads": "4", "family": "sit"], to: folder + "/f.safetensors")
      let result = try dit(
        [
          "sample", "--dit-checkpoint", "f.safetensors", "--vae-checkpoint", "none",
          "--output-path", "out",
        ] + options, in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains(words), "\(result.errors)")
    }
  }

  /// An image of an adaptive sampler does not depend on the others.
  @Test func makesEachImageByItselfWithDopri5() throws {
    try withTemporaryFolder { folder in
      let tensors = try FlowCommandTests.tensors
      try CheckpointWriter.write(
        tensors, metadata: ["num_heads": "4", "family": "sit"], to: folder + "/f.safetensors")
      func image(_ name: String, _ options: [String]) throws -> Data {
        let result = try dit(
          [
            "generate", "--dit-checkpoint", "f.safetensors", "--vae-checkpoint", "none",
            "--sampler", "dopri5", "--precision", "fp32", "--num-samples", "4", "--class-labels",
            "1", "--metadata", "false", "--output-path", name,
          ] + options, in: folder)
        #expect(result.status == 0, "\(result.errors)")
        return try Data(contentsOf: URL(filePath: "\(folder)/\(name)/000002-class-1.png"))
      }
      #expect(try image("a", ["--batch-size", "4"]) == image("b", ["--batch-size", "1"]))
    }
  }

  @Test(arguments: [
    (["--path", "vp"], "are for --objective flow"),
    (["--objective", "flow", "--min-snr-gamma", "5"], "a flow has --flow-weighting"),
    (["--objective", "flow", "--flow-weighting", "velocity"], "a velocity has no weights"),
    (["--objective", "flow", "--learn-sigma", "true"], "no variance to learn"),
  ]) func refusesTrainingThatContradictsItself(_ options: [String], _ words: String) throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try train(options + ["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains(words), "\(result.errors)")
    }
  }
}
