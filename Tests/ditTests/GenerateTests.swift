internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct GenerateTests {
  private func generate(
    _ arguments: [String], in folder: String, started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    try dit(
      [
        "generate", "--num-samples", "7", "--batch-size", "2", "--timeout", "60", "--precision",
        "fp32",
      ] + arguments, in: folder, started: started)
  }

  @Test func makesTheFileThatSampleMakes() throws {
    try withTemporaryFolder { folder in
      let steps = ["--sampling-steps", "2"]
      let made = try generate(steps + ["--output-path", "one.npz"], in: folder)
      #expect(made.status == 0, "\(made.errors)")
      #expect(made.output == "one.npz\n")
      let sampled = try dit(
        [
          "sample", "--num-samples", "7", "--batch-size", "2", "--precision", "fp32", "--npz",
          "two.npz",
        ] + steps, in: folder)
      #expect(sampled.status == 0, "\(sampled.errors)")
      #expect(
        sampled.errors.contains("dit generate --output-path two.npz does the same as --npz"),
        "\(sampled.errors)")
      for suffix in ["npz", "json"] {
        let files = try ["one", "two"].map {
          try Data(contentsOf: URL(filePath: "\(folder)/\($0).\(suffix)"))
        }
        #expect(files[0] == files[1])
      }
    }
  }

  @Test func givesEachClassAsManyImages() throws {
    try withTemporaryFolder { folder in
      let made = try generate(
        [
          "--sampling-steps", "1", "--labels", "equal", "--class-labels", "1,3,5",
          "--output-path", "out/",
        ], in: folder)
      #expect(made.status == 0, "\(made.errors)")
      #expect(made.output == "out\n")
      let classes = [1, 3, 5, 1, 3, 5, 1]
      let names = classes.enumerated().map { String(format: "%06d-class-%d.png", $0, $1) }
      #expect(try Folder.names(in: folder + "/out").sorted() == names + ["samples.json"])
      #expect(try Folder.names(in: folder).sorted() == ["out"])
      let record = try jsonRecord(folder + "/out/samples.json")
      #expect(record["class_labels"] as? String == "1,3,5" && record["num_samples"] as? Int == 7)
      let again = try generate(["--output-path", "out"], in: folder)
      #expect(again.status == 64)
      let complete =
        "'out' is complete: it has its 7 images; choose another --output-path, or make it anew"
      #expect(again.errors.contains(complete), "\(again.errors)")
      // Images of the earlier job must not stay among the new ones.
      let other = try generate(
        ["--num-samples", "2", "--sampling-steps", "1", "--output-path", "out", "--force"],
        in: folder)
      #expect(other.status == 0, "\(other.errors)")
      #expect(try Folder.names(in: folder + "/out").count == 3)
      #expect(try jsonRecord(folder + "/out/samples.json")["class_labels"] as? String == "random")
    }
  }

  @Test func goesOnInAFolderAfterAKill() throws {
    try withTemporaryFolder { folder in
      let steps = ["--sampling-steps", "20", "--labels", "equal"]
      let whole = try generate(
        steps + ["--output-path", "whole", "--workers", "2"], in: folder)
      #expect(whole.status == 0, "\(whole.errors)")
      let killed = try generate(steps + ["--output-path", "parts"], in: folder) { process in
        let mark = folder + "/parts/000001-class-1.png"
        while !FileManager.default.fileExists(atPath: mark), process.isRunning { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(killed.status == 137)
      let other = try generate(
        ["--sampling-steps", "21", "--output-path", "parts"], in: folder)
      #expect(other.status == 64)
      #expect(other.errors.contains("sampling_steps 20 there, 21 here"), "\(other.errors)")
      #expect(other.errors.contains("; give those, or remove 'parts.parts'"), "\(other.errors)")
      let again = try generate(steps + ["--output-path", "parts"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.errors.contains(", of which "), "\(again.errors)")
      #expect(try Folder.names(in: folder).sorted() == ["parts", "whole"])
      let names = try Folder.names(in: folder + "/whole").sorted()
      #expect(try Folder.names(in: folder + "/parts").sorted() == names && names.count == 8)
      for name in names {
        let files = try ["whole", "parts"].map {
          try Data(contentsOf: URL(filePath: "\(folder)/\($0)/\(name)"))
        }
        #expect(files[0] == files[1], "\(name)")
      }
    }
  }

  @Test(arguments: [
    (["--output-path", "out"], "how many images is missing: give --num-samples"),
    (["--num-samples", "1"], "where to write is missing: give --output-path"),
    (["--num-samples", "1", "--output-path", "file"], "'file': it is a file; name a folder"),
    (["--num-samples", "1", "--output-path", "x.npz", "--labels", "some"], "'equal' and 'random'"),
    (["--num-samples", "1", "--output-path", "x.npz", "--class-labels", "99999"], "out of range"),
  ])
  func explainsWhatIsMissing(_ arguments: [String], _ hint: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("", to: folder + "/file")
      let result = try dit(["generate"] + arguments, in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains(hint), "\(result.errors)")
      #expect(try Folder.names(in: folder) == ["file"])
    }
  }
}
