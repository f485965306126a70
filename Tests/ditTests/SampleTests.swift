internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct SampleTests {
  private func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test func makesImagesWithoutACheckpoint() throws {
    try withTemporaryFolder { folder in
      let result = try dit(
        [
          "sample", "--class-labels", "1,3,1", "--sampling-steps", "2", "--output-path",
          "out", "--save-latents", "latents.safetensors", "--precision", "fp32",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "out/grid.png\n")
      #expect(
        try names(in: folder + "/out") == [
          "class-1-0001.png", "class-1-0002.png", "class-3.png", "grid.png", "sample.json",
        ])
      let png = try MappedFile(folder + "/out/class-3.png")
      #expect(png.bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]))
      #expect(png.bytes[16..<24].elementsEqual([0, 0, 0, 128, 0, 0, 0, 128]))
      let latents = try #require(
        try Checkpoint.open(folder + "/latents.safetensors").tensor("latents"))
      #expect(latents.shape == [3, 8, 16, 16] && latents.dtype == .float32)
      let report = try jsonRecord(folder + "/out/sample.json")
      #expect(report["seed"] as? Int == 42)
      #expect(report["sampling_steps"] as? Int == 2)
      #expect(report["vae_checkpoint"] as? String == "built-in autoencoder")
    }
  }

  @Test func listsClasses() throws {
    let result = try dit(["sample", "--list-classes"])
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.contains { $0.hasSuffix("\tpenguin") })
    for (number, line) in lines.enumerated() { #expect(line.hasPrefix("\(number)\t")) }
    let unknown = try dit(["sample", "--class-labels", "no such thing"])
    #expect(unknown.status == 64 && unknown.errors.contains("--list-classes"), "\(unknown.errors)")
  }

  @Test func givesEachClassARowOfTheGrid() throws {
    try withTemporaryFolder { folder in
      let result = try dit(
        [
          "sample", "--class-labels", "1,0", "--num-samples", "3", "--sampling-steps", "1",
          "--output-path", "out",
        ] + SmallModel.options, in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("The rows of the grid: cat; arrow"), "\(result.errors)")
      let png = try MappedFile(folder + "/out/grid.png")
      #expect(png.bytes[16..<24].elementsEqual([0, 0, 0, 200, 0, 0, 0, 134]))
      let report = try jsonRecord(folder + "/out/sample.json")
      let images = try #require(report["images"] as? [[String: Any]])
      #expect(images.map { $0["grid_row"] as? Int } == [1, 1, 1, 2, 2, 2])
      #expect(images.map { $0["grid_column"] as? Int } == [1, 2, 3, 1, 2, 3])
      #expect(images.map { $0["class_label"] as? Int } == [1, 1, 1, 0, 0, 0])
    }
  }

  @Test func numbersItsOwnFolders() throws {
    try withTemporaryFolder { folder in
      for _ in 0..<2 {
        let result = try dit(
          ["sample", "--class-labels=0", "--sampling_steps=1", "--imagegrid=False"], in: folder)
        #expect(result.status == 0, "\(result.errors)")
      }
      #expect(try names(in: folder + "/samples").count == 2)
    }
  }

  @Test func neverOverwritesUnasked() throws {
    try withTemporaryFolder { folder in
      let arguments = [
        "sample", "--class-labels", "0", "--sampling-steps", "1", "--output-path", "out",
      ]
      #expect(try dit(arguments, in: folder).status == 0)
      let second = try dit(arguments, in: folder)
      #expect(second.status == 64)
      #expect(second.errors.contains("class-0.png' and 2 more would be overwritten"))
      #expect(try dit(arguments + ["--force"], in: folder).status == 0)
    }
  }

  @Test(.enabled(if: Device.cpu.capabilities.int8))
  func staysNearTheImageInEightBits() throws {
    try withTemporaryFolder { folder in
      func latents(_ precision: String) throws -> Tensor {
        let result = try dit(
          [
            "sample", "--class-labels", "1", "--sampler", "euler", "--sampling-steps", "20",
            "--precision", precision, "--output-path", precision, "--save-latents",
            precision + ".safetensors",
          ], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        return try #require(
          try Checkpoint.open(folder + "/\(precision).safetensors").tensor("latents"))
      }
      let (int8, fp32) = (try latents("int8"), try latents("fp32"))
      let error = relativeNormError(int8, fp32)
      #expect(error < Tolerance.int8)
      #expect(error > Tolerance.trajectory)
    }
  }

  // The keys of MindONE, with what they do not know, in either order.
  @Test(
    .enabled(if: Device.cpu.capabilities.int8),
    arguments: ["dtype: int8\nint8_fc2: fp32\n", "int8_fc2: fp32\nprecision: int8\n"])
  func takesTheSecondLayerFromAFile(_ text: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(text, to: folder + "/file.yaml")
      let result = try dit(
        [
          "sample", "-c", "file.yaml", "--class-labels", "1", "--sampling-steps", "1",
          "--output-path", "out",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("int8 (fc2 fp32) on cpu"), "\(result.errors)")
      #expect(
        result.errors.contains("DIT_EMULATE_INT8") == Processor.emulatesInt8,
        "\(result.errors)")
      let report = try jsonRecord(folder + "/out/sample.json")
      #expect(report["precision"] as? String == "int8" && report["int8_fc2"] as? String == "fp32")
      #expect(report["int8_emulated"] as? Bool ?? false == Processor.emulatesInt8)
    }
  }

  @Test func givesTheSameImageForTheSameSeedInBothModes() throws {
    try withTemporaryFolder { folder in
      func latents(_ name: String, _ more: [String]) throws -> Tensor {
        let result = try dit(
          [
            "sample", "--class-labels", "1", "--sampling-steps", "5", "--precision", "fp32",
            "--output-path", name, "--save-latents", name + ".safetensors",
          ] + more, in: folder)
        #expect(result.status == 0, "\(result.errors)")
        return try #require(
          try Checkpoint.open(folder + "/\(name).safetensors").tensor("latents"))
      }
      let graph = try latents("graph", [])
      #expect(relativeError(try latents("again", []), graph) == 0)
      let eager = try latents("eager", ["--mode", "eager"])
      #expect(relativeError(eager, graph) < Tolerance.trajectory)
      let other = try latents("other", ["--seed", "43"])
      #expect(relativeError(other, graph) > 0.1)
    }
  }

  @Test(arguments: [SIGINT, SIGTERM]) func stopsAtTheNextStep(_ signal: Int32) throws {
    try withTemporaryFolder { folder in
      let result = try dit(
        ["sample", "--class-labels", "0", "--sampling-steps", "1000", "--output-path", "out"],
        in: folder
      ) { process in
        // The folder is made just before the first step.
        while !FileManager.default.fileExists(atPath: folder + "/out"), process.isRunning {
          usleep(10_000)
        }
        kill(process.processIdentifier, signal)
      }
      #expect(result.status == 128 + signal, "\(result.errors)")
      #expect(result.errors.hasSuffix("Stopped.\n"))
      #expect(!Folder.exists(folder + "/out"))
    }
  }

  @Test func takesFewStepsOfUniPC() throws {
    try withTemporaryFolder { folder in
      let made = try dit(
        [
          "sample", "--sampler", "unipc", "--solver-order", "3", "--class-labels", "1",
          "--output-path", "out",
        ] + SmallModel.options, in: folder)
      #expect(made.status == 0, "\(made.errors)")
      #expect(made.errors.contains("10 steps of unipc"), "\(made.errors)")
      let record = try jsonRecord(folder + "/out/sample.json")
      #expect(record["timestep_spacing"] as? String == "optimized")
      #expect(record["solver_order"] as? Int == 3)
    }
  }

  @Test(arguments: [
    (["--solver-order", "4"], 64, "--solver-order"),
    (["--timestep-spacing", "even"], 64, "- trailing\n  - leading"),
    (["--timestep-spacing", "optimized", "--sampler", "ddim"], 64, "take whole timesteps"),
    (
      ["--timestep-spacing", "optimized", "--sampler", "unipc", "--sampling-steps", "51"], 64,
      "1 to 50"
    ),
  ]) func refusesSpacingsThatDoNotFit(
    _ options: [String], _ status: Int32, _ words: String
  ) throws {
    try withTemporaryFolder { folder in
      let result = try dit(
        ["sample", "--output-path", "out"] + options + SmallModel.options, in: folder)
      #expect(result.status == status, "\(result.errors)")
      #expect(result.errors.contains(words), "\(result.errors)")
    }
  }
}
