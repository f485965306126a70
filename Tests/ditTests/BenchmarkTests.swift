internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct BenchmarkTests {
  /// What a benchmark prints as JSON.
  private func report(_ arguments: [String]) throws -> [String: Any] {
    let result = try dit(["benchmark"] + arguments + ["--json"])
    #expect(result.status == 0, "\(result.errors)")
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    return try #require(json as? [String: Any])
  }

  @Test(arguments: ["encode", "decode"], ["graph", "eager"])
  func timesAutoencoders(_ command: String, _ mode: String) throws {
    let report = try report([
      command, "--image-size", "16", "--batch-size", "2", "--steps", "1", "--mode", mode,
    ])
    #expect(try #require(report["seconds_per_batch"] as? Double) > 0)
    #expect(try #require(report["peak_memory_bytes"] as? Int) > 100_000_000)
    #expect(report["mode"] as? String == mode && report["threads"] as? Int == 1)
  }

  @Test(arguments: ["graph", "eager"]) func timesStepsApartFromTheWeights(_ mode: String) throws {
    let report = try report([
      "sample", "--model-name", "DiT-S/8", "--image-size", "64", "--steps", "2", "--precision",
      "fp32", "--mode", mode,
    ])
    for key in ["seconds_per_step", "first_step_seconds", "prepare_seconds", "draw_seconds"] {
      #expect(try #require(report[key] as? Double) > 0, "\(key)")
    }
    #expect(report["precision"] as? String == "fp32" && report["int8_emulated"] == nil)
  }

  @Test func timesReadingImages() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder, count: 3)
      let report = try report(["data", "--data-path", folder, "--image-size", "8", "--steps", "2"])
      for key in ["seconds_per_image", "decode_seconds", "crop_seconds"] {
        #expect(try #require(report[key] as? Double) > 0, "\(key)")
      }
      #expect(report["images"] as? Int == 6 && report["threads"] as? Int == 1)
    }
  }

  @Test(arguments: ["moments", "frechet", "neighbours", "kernel"])
  func timesMetrics(_ work: String) throws {
    let report = try report([
      "metrics", "--work", work, "--num-samples", "8", "--features", "4", "--steps", "1",
    ])
    #expect(try #require(report["seconds_per_comparison"] as? Double) > 0)
    #expect(report["work"] as? String == work && report["features"] as? Int == 4)
  }

  /// Runs `dit` with 4 GB of addresses at most: an allocation beyond them fails at once.
  private func starved(_ arguments: [String], in folder: String? = nil) throws -> ProgramResult {
    let shell = ["/bin/sh", "-c", "ulimit -v 4000000; exec \"$0\" \"$@\""]
    return try dit(arguments, in: folder, by: shell)
  }

  @Test func warnsOfMemoryBeforeItTakesIt() throws {
    for command in ["sample", "train"] {
      let result = try starved([
        "benchmark", command, "--model-name", "DiT-S/8", "--image-size", "8192", "--batch-size",
        "65536", "--precision", "fp32",
      ])
      #expect(result.status == 1, "\(result.errors)")
      #expect(result.errors.hasPrefix("Warning: that takes about "), "\(result.errors)")
      #expect(result.errors.contains("a smaller --batch-size"))
      #expect(result.errors.contains("\nError: "), "\(result.errors)")
    }
  }

  // libtorch's convolutions take less memory at once, and minutes.
  @Test(.ownKernels, arguments: ["decode", "encode"])
  func saysThatMemoryDoesNotSufficeForAnImage(_ command: String) throws {
    let result = try starved([
      "benchmark", command, "--image-size", "2048", "--batch-size", "1", "--steps", "1",
      "--threads", "1",
    ])
    #expect(result.status == 1 && result.errors.contains("Error: "), "\(result.errors)")
  }

  // 131072 rows of 64 tokens of width 192, each with some 40 bytes.
  @Test(.enabled(if: ProcessMemory.availableBytes ?? .max < 60_000_000_000))
  func warnsOfTheMemoryOfABatchOfSamples() throws {
    try withTemporaryFolder { folder in
      let many = ["--class-labels", "1", "--num-samples", "65536", "--batch-size"]
      for output in [["--output-path", "out"], ["--npz", "out.npz"]] {
        let result = try starved(["sample"] + many + ["65536"] + output, in: folder)
        #expect(result.status == 1, "\(result.errors)")
        #expect(result.errors.contains("Warning: that takes about "), "\(result.errors)")
        #expect(result.errors.contains("a smaller --batch-size needs less"), "\(result.errors)")
      }
      let result = try dit(
        ["sample", "--class-labels", "1", "--sampling-steps", "1", "--output-path", "one"],
        in: folder)
      #expect(result.status == 0 && !result.errors.contains("Warning"), "\(result.errors)")
    }
  }

  @Test func endsAtTheFirstSignal() throws {
    let result = try dit(["benchmark", "sample", "--model-name", "DiT-S/8", "--steps", "999"]) {
      usleep(1_500_000)
      kill($0.processIdentifier, SIGINT)
    }
    #expect(result.status == 128 + SIGINT && result.output.isEmpty, "\(result.errors)")
  }
}
