internal import Foundation
internal import TestSupport
internal import Testing

/// Improved MeanFlow's files on the command line.
@Suite struct MeanFlowCommandTests {
  @Test func drawsAndKeepsItsSettings() throws {
    try withTemporaryFolder { folder in
      try MeanFlowFiles.write(to: folder + "/iMF.pth")
      try MeanFlowFiles.writeAutoencoder(to: folder + "/vae.safetensors")
      func sample(_ options: [String], output: String) throws -> ProgramResult {
        try dit(
          ["sample", "--class-labels", "0,3", "--precision", "fp32", "--output-path", output]
            + options, in: folder)
      }
      let model = [
        "--dit-checkpoint", "iMF.pth", "--vae-checkpoint", "vae.safetensors", "--image-size", "48",
      ]
      let first = try sample(model, output: "a")
      #expect(first.status == 0, "\(first.errors)")
      #expect(first.errors.contains("1 step of meanflow, guidance 8.0 from 0.4 to 0.65"))
      #expect(first.errors.contains("family meanflow"))
      #expect(first.errors.contains("left out v_final_layer.*"))
      let report = try jsonRecord(folder + "/a/sample.json")
      #expect(report["family"] as? String == "meanflow")
      #expect(report["sampling_steps"] as? Int == 1)
      #expect(report["guidance_interval"] as? String == "0.4,0.65")
      let again = try dit(["sample", "-c", "a/sample.json", "--output-path", "b"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      let picture = try dit(
        ["sample", "--from", "a/class-3.png", "--output-path", "c"], in: folder)
      #expect(picture.status == 0, "\(picture.errors)")
      func bytes(_ path: String) throws -> Data {
        try Data(contentsOf: URL(filePath: folder + "/" + path))
      }
      #expect(try bytes("a/class-0.png") == bytes("b/class-0.png"))
      #expect(try bytes("a/class-3.png") == bytes("c/class-3.png"))
      #expect(
        try sample(
          model + ["--sampling-steps", "2", "--guidance-scale", "3", "--mode", "eager"], output: "d"
        ).status == 0)

      for (options, words) in [
        (["--family", "sit"], "is of the family meanflow alone"),
        (["--prediction", "noise"], "predicts velocities"),
        (["--sampler", "ddpm"], "does not fit this model"),
        (["--cfg-channels", "3"], "guidance as an input"),
        (["--cache", "taylor:2"], "the cache taylor:2"),
        (["--guide-checkpoint", "iMF.pth"], "no use for a guide"),
      ] {
        let result = try sample(model + options, output: "e")
        #expect(result.status == 64 && result.errors.contains(words), "\(result.errors)")
      }
    }
  }

  @Test func inspectsAndConverts() throws {
    try withTemporaryFolder { folder in
      try MeanFlowFiles.write(to: folder + "/iMF.pth")
      let inspected = try dit(["inspect", "iMF.pth", "--image-size", "48"], in: folder)
      #expect(inspected.status == 0, "\(inspected.errors)")
      for words in ["MeanFlow", "meanflow", "prefix_tokens     9", "memory to sample"] {
        #expect(inspected.output.contains(words), "\(words): \(inspected.output)")
      }
      let converted = try dit(
        ["convert", "--source", "iMF.pth", "--target", "x.safetensors", "--image-size", "48"],
        in: folder)
      #expect(converted.status == 0, "\(converted.errors)")
      #expect(converted.errors.contains("MeanFlow, "))
      let again = try dit(["inspect", "x.safetensors"], in: folder)
      #expect(again.output.contains("input_size        6"), "\(again.output)")
      let folderOfDiffusers = try dit(
        ["convert", "--source", "iMF.pth", "--target", "d", "--format", "diffusers"], in: folder)
      #expect(folderOfDiffusers.status == 1)
      #expect(folderOfDiffusers.errors.contains("diffusers has no pipeline"))
      let flow = try dit(
        ["convert", "--source", "iMF.pth", "--target", "y.safetensors", "--family", "dit"],
        in: folder)
      #expect(flow.status == 64 && flow.errors.contains("meanflow alone"), "\(flow.errors)")
    }
  }
}
