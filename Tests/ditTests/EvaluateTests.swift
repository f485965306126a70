internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// `dit evaluate` with a judge, which needs no published weights.
@Suite struct EvaluateTests {
  /// A folder `data` of class folders, a file `samples.npz`, a folder `samples` of the same images, and a
  /// judge `judge.safetensors`.
  private func withImages(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let cache = ["XDG_CACHE_HOME": folder + "/cache"]
      func run(_ arguments: [String]) throws {
        let result = try dit(arguments, in: folder, environment: cache)
        #expect(result.status == 0, "\(result.errors)")
      }
      let choice = ["--class-labels", "1,face", "--precision", "fp32"]
      try run(
        ["generate", "--num-samples", "40", "--sampling-steps", "2", "--seed", "1"] + choice
          + ["--output-path", "made"])
      for name in try Folder.names(in: folder + "/made") where name.hasSuffix(".png") {
        let label = name.hasSuffix("-1.png") ? "b" : "a"
        try Folder.make("\(folder)/data/\(label)")
        try Folder.rename("\(folder)/made/\(name)", to: "\(folder)/data/\(label)/\(name)")
      }
      for output in ["samples.npz", "samples"] {
        try run(
          ["generate", "--num-samples", "40", "--sampling-steps", "1"] + choice
            + ["--output-path", output])
      }
      try run([
        "evaluate", "--reference", "data", "--features", "self", "--save-reference", "data.npz",
      ])
      try body(folder)
    }
  }

  private func evaluate(
    _ arguments: [String], in folder: String, started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    try dit(
      ["evaluate", "--timeout", "60"] + arguments, in: folder,
      environment: ["XDG_CACHE_HOME": folder + "/cache"], started: started)
  }

  /// The first file of features of samples; nil if there is none.
  private func firstBlock(in work: String) -> String? {
    let folders = ((try? Folder.names(in: work)) ?? []).filter { $0.hasPrefix("samples-") }
    return folders.map { "\(work)/\($0)/block-0000000.features" }.first(where: Folder.hasFile)
  }

  private func record(_ result: ProgramResult) throws -> [String: Any] {
    let lines = result.output.split(separator: "\n")
    #expect(result.status == 0 && lines.count == 1, "\(result.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    return try #require(object as? [String: Any])
  }

  @Test func givesTheSameFiguresForAFileAndAFolder() throws {
    try withImages { folder in
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
      // Their numbers are those of the built-in model's classes, which this judge does not know.
      #expect(ofFile["agreement"] == nil && ofFolder["agreement"] == nil)
      let itself = try record(
        evaluate(["--samples", "data", "--reference", "data"] + judged, in: folder))
      #expect(try #require(itself["agreement"] as? Double) > 0.6)
      #expect(!Folder.exists(folder + "/cache/swift-dit/evaluations"))
    }
  }

  @Test func drawsTheImagesOfGenerate() throws {
    try withImages { folder in
      let judged = ["--reference", "data.npz", "--features", "self", "--json"]
      let kept = try record(evaluate(["--samples", "samples.npz"] + judged, in: folder))
      let model = [
        "--num-samples", "40", "--sampling-steps", "1", "--class-labels", "1,face", "--precision",
        "fp32",
      ]
      let drawn = try record(evaluate(model + judged, in: folder))
      #expect(drawn["kid"] as? Double == kept["kid"] as? Double)
      #expect(drawn["labels"] as? String == "equal, 20 of each of 2 classes")
      let shared = try record(
        evaluate(model + judged + ["--workers", "2", "--report", "page"], in: folder))
      let (one, two) = (drawn["kid"] as? Double ?? 0, shared["kid"] as? Double ?? 1)
      #expect(abs(one - two) <= 1e-5 * abs(one))
      let page = try String(contentsOfFile: folder + "/page/index.html", encoding: .utf8)
      #expect(page.contains("data:image/png;base64") && !page.contains("http"))
    }
  }

  @Test func goesOnAfterAKill() throws {
    try withImages { folder in
      let arguments = [
        "--num-samples", "70", "--sampling-steps", "8", "--class-labels", "1,face", "--reference",
        "data.npz", "--features", "self", "--json", "--work-path", "features",
      ]
      let killed = try evaluate(arguments, in: folder) { process in
        while firstBlock(in: folder + "/features") == nil, process.isRunning { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(killed.status == 128 + SIGKILL)
      // Its features stay, and are not those of other images.
      let block = try #require(firstBlock(in: folder + "/features"))
      let stamp = try FileStamp.text(of: block)
      try Data("mine".utf8).write(to: URL(filePath: folder + "/features/notes.txt"))
      _ = try record(evaluate(arguments + ["--seed", "7", "--num-samples", "8"], in: folder))
      #expect(try FileStamp.text(of: block) == stamp)
      let resumed = try evaluate(arguments, in: folder)
      #expect(!resumed.errors.contains("Sampling 0/70"), "\(resumed.errors)")
      #expect(try Folder.names(in: folder + "/features") == ["notes.txt"])
      let whole = try record(evaluate(arguments, in: folder))
      let kid = try #require(whole["kid"] as? Double)
      #expect(try record(resumed)["kid"] as? Double == kid)
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
        (samples + reference + features + ["--metrics", "fud"], "--metrics"),
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
