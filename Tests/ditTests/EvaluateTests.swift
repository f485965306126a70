internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

/// `dit evaluate` with a judge, which needs no published weights. The judge sees few images: it tells colours
/// apart.
@Suite struct EvaluateTests {
  /// A folder `data` of two class folders with 20 images each of 64 x 64 pixels, red ones and blue ones.
  private func withReference(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let generator = try Generator(seed: 9)
      for (channel, label) in [(0, "a"), (2, "b")] {
        try Folder.make("\(folder)/data/\(label)")
        for number in 0..<20 {
          let pixels = Tensor.randint(0..<96, [64, 64, 3], generator: generator).to(.uint8)
          let light = Tensor((0..<3).map { UInt8($0 == channel ? 150 : 0) })
          let image = RGBImage(width: 64, height: 64, pixels: (pixels + light).elements())
          try image.png().withUnsafeBytes {
            try AtomicFile.write(contentsOf: $0, to: "\(folder)/data/\(label)/\(number).png")
          }
        }
      }
      try body(folder)
    }
  }

  /// Images of the small model.
  private static let model =
    [
      "--num-samples", "40", "--sampling-steps", "1", "--class-labels", "1,face", "--precision",
      "fp32",
    ] + SmallModel.options

  /// Makes them.
  private func generate(_ output: String, in folder: String) throws {
    let result = try dit(
      ["generate"] + EvaluateTests.model + ["--output-path", output], in: folder)
    #expect(result.status == 0, "\(result.errors)")
  }

  private func evaluate(
    _ arguments: [String], in folder: String, started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    try dit(
      ["evaluate", "--timeout", "60"] + arguments, in: folder,
      environment: ["XDG_CACHE_HOME": folder + "/cache", "DIT_JUDGE_SAMPLES": "640"],
      started: started)
  }

  /// The folder of features of samples; nil if there is none.
  private func samplesFolder(in work: String) -> String? {
    let names = (try? Folder.names(in: work)) ?? []
    return names.first { $0.hasPrefix("samples-") }.map { "\(work)/\($0)" }
  }

  /// The files of features of samples.
  private func blocks(in work: String) -> [String] {
    guard let folder = samplesFolder(in: work) else { return [] }
    let names = (try? Folder.names(in: folder)) ?? []
    return names.filter { $0.hasSuffix(".features") }.sorted().map { "\(folder)/\($0)" }
  }

  private func record(_ result: ProgramResult) throws -> [String: Any] {
    let lines = result.output.split(separator: "\n")
    #expect(result.status == 0 && lines.count == 1, "\(result.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    return try #require(object as? [String: Any])
  }

  @Test func givesTheSameFiguresForAFileAndAFolder() throws {
    try withReference { folder in
      for output in ["samples.npz", "samples"] { try generate(output, in: folder) }
      let saved = try evaluate(
        ["--reference", "data", "--features", "self", "--save-reference", "data.npz"], in: folder)
      #expect(saved.status == 0, "\(saved.errors)")
      let judged = ["--features", "self", "--json"]
      let ofFile = try record(
        evaluate(["--samples", "samples.npz", "--reference", "data"] + judged, in: folder))
      let ofFolder = try record(
        evaluate(["--samples", "samples/", "--reference", "data"] + judged, in: folder))
      let ofArchive = try record(
        evaluate(["--samples", "samples.npz", "--reference", "data.npz"] + judged, in: folder))
      let kid = try #require(ofFile["kid"] as? Double)
      #expect(kid.isFinite && ofFile["fid"] == nil)
      #expect(ofFile["samples"] as? Int == 40 && ofFile["reference"] as? Int == 40)
      #expect(ofFolder["kid"] as? Double == kid)
      let other = try #require(ofArchive["kid"] as? Double)
      #expect(abs(other - kid) <= 1e-6 * abs(kid))
      // Their numbers are those of the small model's classes, which this judge does not know.
      #expect(ofFile["agreement"] == nil && ofFolder["agreement"] == nil)
      let itself = try record(
        evaluate(["--samples", "data", "--reference", "data"] + judged, in: folder))
      #expect(try #require(itself["agreement"] as? Double) > 0.6)
      #expect(!Folder.exists(folder + "/cache/swift-dit/evaluations"))
    }
  }

  @Test func drawsTheImagesOfGenerateWithAnyNumberOfProcesses() throws {
    try withReference { folder in
      try generate("samples.npz", in: folder)
      let judged = ["--reference", "data", "--features", "self", "--json"]
      let kept = try record(evaluate(["--samples", "samples.npz"] + judged, in: folder))
      let drawn = try record(evaluate(EvaluateTests.model + judged, in: folder))
      let kid = try #require(drawn["kid"] as? Double)
      #expect(kept["kid"] as? Double == kid)
      #expect(drawn["labels"] as? String == "equal, 20 of each of 2 classes")
      for count in ["2", "4"] {
        let shared = try record(
          evaluate(
            EvaluateTests.model + judged + ["--workers", count, "--report", "page" + count],
            in: folder))
        #expect(abs(try #require(shared["kid"] as? Double) - kid) <= 1e-5 * abs(kid), "\(count)")
        let page = try String(
          contentsOfFile: folder + "/page\(count)/index.html", encoding: .utf8)
        #expect(page.contains("data:image/png;base64") && !page.contains("http"))
      }
    }
  }

  @Test func goesOnAfterAKill() throws {
    try withReference { folder in
      let arguments = [
        "--num-samples", "70", "--sampling-steps", "8", "--class-labels", "1,face", "--reference",
        "data", "--features", "self", "--json", "--work-path", "features",
      ]
      let work = folder + "/features"
      // Before the first features are there, and later.
      let delays = Tensor.randint(0..<200, [3], generator: try Generator(seed: 20)).elements(
        Int.self)
      for (count, delay) in zip([0, 1, 4], delays) {
        let killed = try evaluate(arguments, in: folder) { process in
          while samplesFolder(in: work) == nil || blocks(in: work).count < count, process.isRunning
          {
            usleep(1000)
          }
          usleep(1000 * UInt32(delay))
          kill(process.processIdentifier, SIGKILL)
        }
        #expect(killed.status == 128 + SIGKILL, "\(count): \(killed.errors)")
      }
      // Its features stay, and are not those of other images.
      let first = try #require(blocks(in: work).first)
      let stamp = try FileStamp.text(of: first)
      try Data("mine".utf8).write(to: URL(filePath: work + "/notes.txt"))
      _ = try record(evaluate(arguments + ["--seed", "7", "--num-samples", "8"], in: folder))
      #expect(try FileStamp.text(of: first) == stamp)
      let resumed = try evaluate(arguments, in: folder)
      #expect(!resumed.errors.contains("Sampling 0/70"), "\(resumed.errors)")
      let left = try Folder.names(in: work).filter { !$0.hasPrefix("judge-") }
      #expect(left == ["notes.txt"])
      let whole = try record(evaluate(arguments, in: folder))
      let kid = try #require(whole["kid"] as? Double)
      #expect(try record(resumed)["kid"] as? Double == kid)
    }
  }

  @Test func knowsFaultsOfFilesBeforeTheWork() throws {
    try withReference { folder in
      try Folder.make(folder + "/begun.parts")
      try Folder.make(folder + "/begun")
      try AtomicFile.write("{}", to: folder + "/begun.parts/plan.json")
      let judged = ["--reference", "data", "--features", "self"]
      let cases: [([String], String)] = [
        (["--num-samples", "1"], "kid needs 2 images or more, and there is 1 in the samples"),
        (["--num-samples", "9", "--metrics", "kid,sfid"], "self gives no sfid, but fid, is,"),
        (["--samples", "begun"], "'begun' is not complete"),
      ]
      for (arguments, text) in cases {
        let result = try evaluate(arguments + judged, in: folder)
        #expect(result.status == 1 && result.errors.contains(text), "\(result.errors)")
      }
      #expect(!Folder.exists(folder + "/cache"))
    }
  }

  @Test func saysWhatIsMissing() throws {
    try withTemporaryFolder { folder in
      let (reference, features) = (["--reference", "b.npz"], ["--features", "self"])
      let samples = ["--samples", "a.npz"]
      let cases: [([String], String)] = [
        (samples, "give --reference"),
        (samples + reference, "pt_inception-2015-12-05-6726825d.pth"),
        (reference + features, "--num-samples N"),
        (samples + reference + features + ["--num-samples", "5"], "give one of them"),
        (
          samples + reference + features + ["--metrics", "fid,fud"],
          "there is no 'fud', but fid, sfid"
        ),
        (samples + reference + features + ["--preset", "paper"], "--preset is for"),
        (samples + reference + features + ["--dit-checkpoint", "m.pt"], "give one of them"),
        (reference + features + ["--save-reference", "r.npz", "--json"], "are about samples"),
      ]
      for (arguments, text) in cases {
        let result = try evaluate(arguments, in: folder)
        #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
      }
    }
  }
}
