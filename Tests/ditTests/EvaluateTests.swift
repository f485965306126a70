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
      // Classes of folders and files are numbers; the judge's are the names of folders.
      #expect(ofFile["agreement"] as? Double == ofFolder["agreement"] as? Double)
      #expect(try Folder.names(in: folder + "/cache/swift-dit/evaluations").isEmpty)
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
        "data.npz", "--features", "self", "--json", "--work-path", "work",
      ]
      let killed = try evaluate(arguments, in: folder) { process in
        let mark = folder + "/work/samples/block-0000000.features"
        while !Folder.hasFile(mark), process.isRunning { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(killed.status == 128 + SIGKILL)
      let otherImages = try evaluate(arguments + ["--seed", "7"], in: folder)
      #expect(otherImages.status == 64)
      #expect(otherImages.errors.contains("was begun with other settings"), "\(otherImages.errors)")
      let resumed = try record(evaluate(arguments, in: folder))
      #expect(!Folder.exists(folder + "/work"))
      let whole = try record(evaluate(arguments, in: folder))
      #expect(resumed["kid"] as? Double == whole["kid"] as? Double)
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
      ]
      for (arguments, text) in cases {
        let result = try evaluate(arguments, in: folder)
        #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
      }
    }
  }
}
