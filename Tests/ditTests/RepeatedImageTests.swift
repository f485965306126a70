internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

/// Images that say how they were made, made again.
@Suite struct RepeatedImageTests {
  /// Runs the program, on the small model unless the arguments name one.
  private func make(_ arguments: [String], in folder: String) throws -> ProgramResult {
    let hasModel = arguments.contains("--from") || arguments.contains("--dit-checkpoint")
    let result = try dit(arguments + (hasModel ? [] : SmallModel.options), in: folder)
    #expect(result.status == 0, "\(result.errors)")
    return result
  }

  /// Values that a hostile or foreign file may have.
  @Test(
    arguments: [
      (["flux": 3], "'flux': a setting that this version does not know"),
      (
        ["device_plugin": "/tmp/plugin.so"], "'device_plugin': a setting that this version does not"
      ),
      (["output_path": "/"], "'output_path': a setting that this version does not know"),
      (["class_names": "/etc/passwd"], "'class_names': a setting that this version does not know"),
      (["sampling_steps": -5], "sampling_steps: --sampling-steps -5: must be from 1 to 1000"),
      (["seed": "x"], "'seed': "), (["sampler": "magic"], "unknown sampler 'magic'"),
      (["batch_row": 9], "'batch_row': a value out of range"),
      (["batch_row": -1], "'batch_row': a value out of range"),
      (["batch_labels": [Int]()], "'batch_labels': a value out of range"),
      (["batch_number": 100_000_000], "'batch_number': a value out of range"),
      (["batch_labels": [1, 1_000_000]], "made with one of class 1000000"),
      (["class_name": "\u{1B}[2J"], "'class_name': a value out of range"),
      (["dit_checkpoint": "\u{1B}[2J"], "a path has control characters"),
      (["dit_checkpoint": "gone.pt"], "'gone.pt', which is not here"),
      (["dit_checkpoint_sha256": "0"], "'dit_checkpoint_sha256': no SHA-256"),
    ] as [([String: any Sendable], String)])
  func refusesSettingsOutOfRange(_ changes: [String: any Sendable], _ expected: String) throws {
    try withTemporaryFolder { folder in
      _ = try make(
        ["sample", "--class-labels", "1", "--sampling-steps", "1", "--output-path", "a"], in: folder
      )
      var fields = try record(folder + "/a/class-1.png")
      for (key, value) in changes { fields[key] = value }
      let text = String(
        decoding: try JSONSerialization.data(withJSONObject: fields), as: UTF8.self)
      let result = try read(text, in: folder)
      #expect(result.status == 1 && result.errors.contains(expected), "\(result.errors)")
      #expect(!result.errors.contains("\u{1B}"))
    }
  }

  @Test(arguments: [
    "", "{", "[]", "\"x\"", "{}", "{\"seed\":1}", String(repeating: "[", count: 100_000),
  ])
  func refusesWhatIsNoRecord(_ text: String) throws {
    try withTemporaryFolder { folder in
      let result = try read(text, in: folder)
      #expect(result.status == 1 && result.output.isEmpty)
      #expect(
        result.errors.contains("'image.png' says how it was made in a form that is not read"),
        "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func refusesOtherFilesAndOptions() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("hello", to: folder + "/text.png")
      try AtomicFile.write("from: text.png\n", to: folder + "/c.yaml")
      for (options, status, expected) in [
        (["--from", "text.png"], 1, "the content is no image of a known kind; only PNG files"),
        (["--from", "gone.png"], 1, "'gone.png': no such file"),
        (["-c", "c.yaml"], 64, "unknown key 'from'"),
      ] as [([String], Int32, String)] {
        let result = try dit(["sample"] + options, in: folder)
        #expect(result.status == status && result.errors.contains(expected), "\(result.errors)")
      }
      _ = try make(
        ["sample", "--class-labels", "1", "--sampling-steps", "1", "--output-path", "a"], in: folder
      )
      for (options, expected) in [
        (["-c", "c.yaml"], "-c and --from both give all settings"),
        (["--npz", "x.npz"], "--from makes PNG files"),
      ] {
        let result = try dit(["sample", "--from", "a/class-1.png"] + options, in: folder)
        #expect(result.status == 64 && result.errors.contains(expected), "\(result.errors)")
      }
    }
  }

  /// Runs `dit sample --from` with an image that has a text.
  private func read(_ text: String, in folder: String) throws -> ProgramResult {
    let image = RGBImage(width: 1, height: 1, pixels: [1, 2, 3])
    try image.png(texts: [PNGText("dit", text)]).withUnsafeBytes {
      try AtomicFile.write(contentsOf: $0, to: folder + "/image.png")
    }
    return try dit(["sample", "--from", "image.png", "--output-path", "out"], in: folder)
  }

  private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

  private func record(_ path: String) throws -> [String: Any] {
    let text = try #require(try PNGText.text("dit", in: path))
    return try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test(arguments: [
    ["--sampler", "ddpm"], ["--sampler", "ddim", "--eta", "0.5", "--precision", "fp32"],
    [
      "--sampler", "unipc", "--solver-order", "3", "--cfg-channels", "all",
      "--precision", Device.cpu.capabilities.int8 ? "int8" : "fp32",
    ],
    ["--guidance-scale", "1", "--mode", "eager", "--sampler", "dpm++2m-sde"],
    ["--guidance-interval", "0.2,0.8", "--sampler", "ddim"],
  ])
  func makesAnyImageOfARunAgain(_ options: [String]) throws {
    try withTemporaryFolder { folder in
      _ = try make(
        [
          "sample", "--class-labels", "face,1", "--num-samples", "2", "--batch-size", "3",
          "--sampling-steps", "3", "--seed", "18446744073709551615", "--output-path", "first",
        ] + options, in: folder)
      let names = ["class-3-0001.png", "class-3-0002.png", "class-1-0001.png", "class-1-0002.png"]
      for name in names {
        let result = try make(
          ["sample", "--from", "first/\(name)", "--output-path", "second"], in: folder)
        #expect(result.output == "second/\(name)\n")
        #expect(try bytes(folder + "/first/\(name)") == bytes(folder + "/second/\(name)"))
      }
      #expect(try Folder.names(in: folder + "/second") == names.sorted())
    }
  }

  @Test func makesAnyImageOfAJobAgain() throws {
    try withTemporaryFolder { folder in
      _ = try make(
        [
          "generate", "--num-samples", "5", "--batch-size", "3", "--sampling-steps", "2",
          "--output-path", "job",
        ], in: folder)
      let names = try Folder.names(in: folder + "/job").filter { $0.hasSuffix(".png") }
      #expect(names.count == 5)
      for (number, name) in names.sorted().enumerated() {
        _ = try make(["sample", "--from", "job/\(name)", "--output-path", "again"], in: folder)
        #expect(try bytes(folder + "/job/\(name)") == bytes(folder + "/again/\(name)"))
        #expect(try record(folder + "/job/\(name)")["seed"] as? Int == 42 + number)
      }
    }
  }

  @Test func makesAGridAgain() throws {
    try withTemporaryFolder { folder in
      _ = try make(
        [
          "sample", "--class-labels", "1,0", "--num-samples", "2", "--batch-size", "3",
          "--sampling-steps", "1", "--output-path", "first",
        ], in: folder)
      _ = try make(["sample", "--from", "first/grid.png", "--output-path", "second"], in: folder)
      for name in ["grid.png", "class-0-0002.png"] {
        #expect(try bytes(folder + "/first/\(name)") == bytes(folder + "/second/\(name)"))
      }
    }
  }

  @Test func saysHowImagesWereMade() throws {
    try withTemporaryFolder { folder in
      let options = [
        "sample", "--class-labels", "1", "--sampling-steps", "2", "--sampler", "ddim",
        "--guidance-scale", "2.5", "--precision", "fp32",
      ]
      _ = try make(options + ["--output-path", "a"], in: folder)
      _ = try make(options + ["--output-path", "b"], in: folder)
      _ = try make(options + ["--output-path", "c", "--metadata", "false"], in: folder)
      let image = folder + "/a/class-1.png"
      #expect(try bytes(image) == bytes(folder + "/b/class-1.png"))
      let model = try MappedFile(SmallModel.dit)
      let digest = withExtendedLifetime(model) { SHA256.text(of: model.bytes) }
      let parameters = try #require(try PNGText.text("parameters", in: image))
      #expect(
        parameters.hasPrefix(
          "cat\nSteps: 2, Sampler: ddim, CFG scale: 2.5, Seed: 42, Size: 64x64, Model: "))
      #expect(parameters.hasSuffix(", Model hash: \(digest.prefix(10))"))
      let record = try record(image)
      #expect(record["dit_checkpoint_sha256"] as? String == digest)
      #expect(record["class_name"] as? String == "cat" && record["precision"] as? String == "fp32")
      for name in ["class-1.png", "grid.png"] {
        let plain = folder + "/c/\(name)"
        #expect(try PNGText.text("dit", in: plain) == nil)
        #expect(try PNGText.text("parameters", in: plain) == nil)
        #expect(try RGBImage(contentsOf: plain) == RGBImage(contentsOf: folder + "/a/\(name)"))
        let result = try dit(["sample", "--from", plain], in: folder)
        #expect(result.status == 1 && result.errors.contains("does not say how it was made"))
      }
    }
  }

  @Test func keepsNamesInAnyAlphabet() throws {
    try withTemporaryFolder { folder in
      let names = SmallModel.classNames.indices.map { $0 == 1 ? "котёнок, 猫" : "Löwe \($0)" }
        .joined(separator: "\n")
      try AtomicFile.write(names, to: folder + "/names.txt")
      _ = try make(
        [
          "sample", "--class-labels", "0,1", "--class-names", "names.txt", "--sampling-steps", "1",
          "--output-path", "first",
        ], in: folder)
      for (label, name) in [(0, "Löwe 0"), (1, "котёнок, 猫")] {
        let file = "class-\(label).png"
        let text = try PNGText.text("parameters", in: folder + "/first/\(file)")
        #expect(text?.hasPrefix(name + "\n") == true)
        #expect(try record(folder + "/first/\(file)")["class_names"] == nil)
        // The file of names is not needed.
        _ = try make(["sample", "--from", "first/\(file)", "--output-path", "second"], in: folder)
        #expect(try bytes(folder + "/first/\(file)") == bytes(folder + "/second/\(file)"))
      }
    }
  }

  @Test func letsFlagsWin() throws {
    try withTemporaryFolder { folder in
      let options = ["--sampling-steps", "2", "--sampler", "ddim"]
      _ = try make(
        ["sample", "--class-labels", "1,2", "--output-path", "a"] + options, in: folder)
      // As the whole run with another seed.
      _ = try make(
        ["sample", "--class-labels", "1,2", "--output-path", "b", "--seed", "5"] + options,
        in: folder)
      _ = try make(
        ["sample", "--from", "a/class-2.png", "--seed", "5", "--output-path", "c"], in: folder)
      #expect(try bytes(folder + "/b/class-2.png") == bytes(folder + "/c/class-2.png"))
      // Other classes make new images with its settings.
      _ = try make(
        [
          "sample", "--from", "a/class-2.png", "--class-labels", "1,2", "--seed", "5",
          "--output-path", "d",
        ], in: folder)
      #expect(try bytes(folder + "/b/grid.png") == bytes(folder + "/d/grid.png"))
      _ = try make(
        ["sample", "--from", "a/class-2.png", "--num-samples", "3", "--output-path", "e"],
        in: folder)
      let made = try jsonRecord(folder + "/e/sample.json")
      #expect(made["class_labels"] as? String == "2" && made["sampler"] as? String == "ddim")
    }
  }

  @Test func wantsTheSameWeights() throws {
    try withTemporaryFolder { folder in
      let model = "\(folder)/model.st"
      func write(_ factor: Double, to path: String) throws {
        try CheckpointWriter.write(
          try GoldenValues("dit-even").weights.sorted { $0.key < $1.key }
            .map { ($0.key, $0.value * factor) },
          metadata: ["num_heads": "2"], to: path)
      }
      try write(1, to: model)
      try CheckpointWriter.write(
        try GoldenValues("autoencoder-kl").weights.map { ($0.key, $0.value) },
        to: folder + "/vae.st")
      _ = try make(
        [
          "sample", "--dit-checkpoint", "model.st", "--vae-checkpoint", "vae.st",
          "--sampling-steps", "1", "--class-labels", "1", "--output-path", "a",
        ], in: folder)
      let from = ["sample", "--from", "a/class-1.png", "--output-path"]
      let sum = try #require(
        try record(folder + "/a/class-1.png")["dit_checkpoint_sha256"] as? String)
      #expect(try bytes(model).withUnsafeBytes { SHA256.text(of: $0) } == sum)
      try write(0.5, to: model)
      let other = try dit(from + ["b"], in: folder)
      #expect(other.status == 1 && other.errors.contains("are not those that 'a/class-1.png'"))
      #expect(other.errors.contains("--dit-checkpoint"), "\(other.errors)")
      let forced = try make(from + ["c", "--dit-checkpoint", "model.st"], in: folder)
      #expect(forced.errors.contains("the image may differ"))
      try FileManager.default.moveItem(atPath: model, toPath: folder + "/moved.st")
      let missing = try dit(from + ["d"], in: folder)
      #expect(missing.status == 1)
      #expect(
        missing.errors.contains("'model.st', which is not here; say where it is with"),
        "\(missing.errors)")
      try write(1, to: folder + "/moved.st")
      let moved = try make(from + ["e", "--dit-checkpoint", "moved.st"], in: folder)
      #expect(!moved.errors.contains("may differ"))
      #expect(
        try RGBImage(contentsOf: folder + "/a/class-1.png")
          == RGBImage(contentsOf: folder + "/e/class-1.png"))
    }
  }
}
