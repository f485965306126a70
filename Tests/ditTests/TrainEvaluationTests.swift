internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing

/// `dit train --evaluate-interval` with a judge.
@Suite struct TrainEvaluationTests {
  /// A folder `data` of two classes that differ in colour.
  private func withData(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      for label in ["blue", "red"] {
        try Folder.make("\(folder)/data/\(label)")
        for number in 0..<24 {
          let light = UInt8(100 + 5 * number)
          let color = label == "red" ? [light, 0, 0] : [0, 0, light]
          let image = RGBImage(width: 8, height: 8, pixels: (0..<64).flatMap { _ in color })
          try Data(try image.png()).write(
            to: URL(filePath: "\(folder)/data/\(label)/\(number).png"))
        }
      }
      try body(folder)
    }
  }

  private let options = [
    "train", "--data-path", "data", "--vae-checkpoint", "none", "--image-size", "8",
    "--hidden-size", "32", "--depth", "1", "--num-heads", "2", "--patch-size", "4",
    "--max-steps", "4", "--timeout", "60",
  ]
  private let evaluation = [
    "--evaluate-interval", "2", "--evaluate-samples", "12", "--evaluate-share", "1",
    "--reference", "data",
  ]

  /// With a judge that need not be good.
  private func train(
    _ arguments: [String], in folder: String, judgeSamples: Int = 640,
    started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    try dit(
      arguments, in: folder, environment: ["DIT_JUDGE_SAMPLES": "\(judgeSamples)"],
      started: started)
  }

  private func figures(_ run: String) throws -> [[String: Any]] {
    try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)
      .split(separator: "\n").compactMap {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
  }

  @Test func writesFiguresOfFreshSamples() throws {
    try withData { folder in
      let one = try train(
        options + evaluation + ["--train-batch-size", "4", "--output-path", "one"], in: folder)
      #expect(one.status == 0, "\(one.errors)")
      #expect(one.errors.contains("kid"), "\(one.errors)")
      let lines = try figures(folder + "/one")
      let kids = lines.compactMap { $0["kid"] as? Double }
      #expect(kids.count == 2 && kids.allSatisfy(\.isFinite))
      // Of the rows that four steps draw.
      let bins = lines.flatMap(\.keys).filter { $0.hasPrefix("mse_by_noise_") }
      #expect(bins.count > 2 && bins.count == Set(bins).count)
      #expect(lines.contains { $0["wait_share"] is Double })
      // The same steps with other samples beside them.
      let bare = try dit(
        options + ["--train-batch-size", "4", "--output-path", "bare"], in: folder
      )
      #expect(bare.status == 0, "\(bare.errors)")
      let losses = try ["one", "bare"].map { run in
        try figures("\(folder)/\(run)").compactMap { $0["loss"] as? Double }
      }
      #expect(losses[0] == losses[1] && losses[0].count == 4)
      let two = try train(
        options + evaluation + [
          "--train-batch-size", "2", "--workers", "2", "--output-path", "two",
        ], in: folder)
      #expect(two.status == 0, "\(two.errors)")
      #expect(two.errors.contains("2 processes make the features"), "\(two.errors)")
      let shared = try figures(folder + "/two").compactMap { $0["kid"] as? Double }
      #expect(shared.count == 2)
      for (a, b) in zip(kids, shared) { #expect(abs(a - b) <= 1e-3 * max(abs(a), 1e-3)) }
    }
  }

  @Test func makesFeaturesAgainForAnotherReference() throws {
    try withData { folder in
      try FileManager.default.copyItem(atPath: folder + "/data", toPath: folder + "/reference")
      func run(
        _ more: [String], judgeSamples: Int = 640, started: (Process) throws -> Void = { _ in }
      ) throws -> ProgramResult {
        try train(
          options + [
            "--evaluate-interval", "2", "--evaluate-samples", "12", "--evaluate-share", "1",
            "--reference", "reference", "--train-batch-size", "4", "--output-path", "run",
          ] + more, in: folder, judgeSamples: judgeSamples, started: started)
      }
      // While the judge is trained.
      let stopped = try run([], judgeSamples: 6_400) { process in
        while process.isRunning, !Folder.hasFile(folder + "/run/config.yaml") { usleep(1000) }
        kill(process.processIdentifier, SIGINT)
      }
      #expect(stopped.status == 130, "\(stopped.errors)")
      #expect(stopped.errors.contains("before the first step"), "\(stopped.errors)")
      #expect(try figures(folder + "/run").isEmpty)
      let begun = try run(["--resume", "--max-steps", "2"])
      #expect(begun.status == 0 && begun.errors.contains("step 2: kid"), "\(begun.errors)")
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1)],
        ofItemAtPath: folder + "/reference/red/3.png")
      let resumed = try run(["--resume"])
      #expect(resumed.status == 0 && resumed.errors.contains("step 4: kid"), "\(resumed.errors)")
      #expect(resumed.errors.contains("features of before were removed"), "\(resumed.errors)")
    }
  }

  @Test func asksForAReference() throws {
    try withData { folder in
      let bare = try dit(
        options + ["--evaluate-interval", "2", "--output-path", "run"], in: folder
      )
      #expect(bare.status == 64 && bare.errors.contains("needs --reference"), "\(bare.errors)")
      let idle = try dit(
        options + ["--features", "f.pth", "--output-path", "run"], in: folder)
      #expect(idle.status == 64 && idle.errors.contains("--evaluate-interval N"), "\(idle.errors)")
      let missing = try dit(
        options + [
          "--evaluate-interval", "2", "--reference", "data", "--features", "missing.pth",
          "--output-path", "run",
        ], in: folder)
      #expect(missing.status == 1 && missing.errors.contains("missing.pth"), "\(missing.errors)")
      #expect(!Folder.exists(folder + "/run"))
    }
  }
}
