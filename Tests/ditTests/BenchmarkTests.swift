internal import Foundation
internal import TestSupport
internal import Testing

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
}
