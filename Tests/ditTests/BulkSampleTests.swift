internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct BulkSampleTests {
  /// Samples from the small model unless the arguments name one.
  private func sample(
    _ file: String, _ arguments: [String] = [], in folder: String,
    started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    try dit(
      [
        "sample", "--sampling-steps", "2", "--num-samples", "7", "--batch-size", "2", "--npz", file,
        "--timeout", "60", "--precision", "fp32",
      ] + arguments + (arguments.contains("--dit-checkpoint") ? [] : SmallModel.options),
      in: folder, started: started)
  }

  /// The bytes of the arrays of a file: all but the headers of the zip archive.
  private func content(_ file: String) throws -> Data { try Data(contentsOf: URL(filePath: file)) }

  @Test func makesTheSameFileWithAnyNumberOfProcesses() throws {
    try withTemporaryFolder { folder in
      let one = try sample("one.npz", ["--threads", "2"], in: folder)
      #expect(one.status == 0, "\(one.errors)")
      #expect(one.output == "one.npz\n")
      // As a kill leaves it while blocks are removed: of which plan, nobody can say.
      try FileManager.default.createDirectory(
        atPath: folder + "/several.npz.parts", withIntermediateDirectories: false)
      try Data([0]).write(to: URL(filePath: folder + "/several.npz.parts/block-0000000.rgb"))
      let several = try sample("several.npz", ["--workers", "3"], in: folder)
      #expect(several.status == 0, "\(several.errors)")
      #expect(several.output == "several.npz\n")
      #expect(several.errors.contains("[0] 7 images of 64 x 64 pixels, by 3 processes"))
      #expect(several.errors.split(separator: "Sampling 7/7").count == 2, "\(several.errors)")
      let bytes = try content(folder + "/one.npz")
      let others = try content(folder + "/several.npz")
      if PackedLinear.hasOwnProducts {
        #expect(others == bytes)
      } else {
        // oneDNN's products round by the size of a batch.
        let pixels = [bytes, others].map { $0.dropFirst(192).prefix(7 * 3 * 64 * 64) }
        #expect(zip(pixels[0], pixels[1]).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/several.npz.parts"))
      let other = try sample("other.npz", ["--seed", "1"], in: folder)
      #expect(other.status == 0, "\(other.errors)")
      #expect(try content(folder + "/other.npz") != bytes)
    }
  }

  @Test func writesItsSettingsBesideTheFile() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("mine", to: folder + "/all.json")
      let refused = try sample("all.npz", in: folder)
      #expect(refused.status == 64)
      #expect(refused.errors.contains("'all.json', where the settings go,"), "\(refused.errors)")
      #expect(try Folder.names(in: folder) == ["all.json"])
      let arguments = ["--class-labels", "1,4", "--seed", "3", "--guidance-scale", "2"]
      let made = try sample("all.npz", arguments + ["--force"], in: folder)
      #expect(made.status == 0, "\(made.errors)")
      let record = try jsonRecord(folder + "/all.json")
      #expect(record["class_labels"] as? String == "1,4" && record["seed"] as? Int == 3)
      #expect(record["num_samples"] as? Int == 7 && record["sampling_steps"] as? Int == 2)
      #expect(record["guidance_scale"] as? Double == 2 && record["batch_size"] as? Int == 2)
      let single = try dit(
        ["sample", "--sampling-steps", "1", "--class-labels", "1", "--output-path", "one"]
          + SmallModel.options,
        in: folder)
      #expect(single.status == 0, "\(single.errors)")
      let common = Set(try jsonRecord(folder + "/one/sample.json").keys)
        .subtracting(["images", "seconds_per_step", "seconds_per_image"])
      #expect(Set(record.keys) == common.union(["num_samples", "class_labels"]))
    }
  }

  @Test func goesOnWhereItsSettingsAreWrittenAlready() throws {
    try withTemporaryFolder { folder in
      let killed = try sample("parts.npz", ["--sampling-steps", "200"], in: folder) { process in
        let mark = folder + "/parts.npz.parts/plan.json"
        while !FileManager.default.fileExists(atPath: mark), process.isRunning { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
        // As a kill leaves it between the two files.
        try AtomicFile.write("{}", to: folder + "/parts.json")
      }
      #expect(killed.status == 137)
      let again = try sample("parts.npz", ["--sampling-steps", "200"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(try content(folder + "/parts.json").count > 2)
    }
  }

  @Test func makesTheImagesOfTheirSeeds() throws {
    try withTemporaryFolder { folder in
      let bulk = try sample("all.npz", ["--class-labels", "1,4"], in: folder)
      #expect(bulk.status == 0, "\(bulk.errors)")
      let single = try dit(
        [
          "sample", "--sampling-steps", "2", "--num-samples", "1", "--npz", "single.npz",
          "--class-labels", "4", "--seed", "45", "--precision", "fp32",
        ] + SmallModel.options, in: folder)
      #expect(single.status == 0, "\(single.errors)")
      // Image 3 has the second class, and the seed 42 + 3. Each file's pixels begin at byte 192.
      let count = 3 * 64 * 64
      let pixels = try content(folder + "/all.npz").dropFirst(192 + 3 * count).prefix(count)
      let alone = try content(folder + "/single.npz").dropFirst(192).prefix(count)
      #expect(zip(pixels, alone).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
      #expect(Set(alone).count > 8)
    }
  }

  @Test func continuesAfterAKill() throws {
    try withTemporaryFolder { folder in
      let whole = try sample("whole.npz", ["--sampling-steps", "200"], in: folder)
      #expect(whole.status == 0, "\(whole.errors)")
      let killed = try sample("parts.npz", ["--sampling-steps", "200"], in: folder) { process in
        let mark = folder + "/parts.npz.parts/block-0000001.rgb"
        while !FileManager.default.fileExists(atPath: mark), process.isRunning { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
        // As a kill leaves it while blocks are joined.
        try AtomicFile.write(
          "", to: folder + "/parts.npz.parts/.partial-\(process.processIdentifier)-abc")
      }
      #expect(killed.status == 137)
      let other = try sample("parts.npz", ["--sampling-steps", "21"], in: folder)
      #expect(other.status == 64)
      #expect(other.errors.contains("sampling_steps 200 there, 21 here"))
      let again = try sample(
        "parts.npz", ["--sampling-steps", "200", "--workers", "2"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.errors.contains(", of which "))
      let files = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(files.sorted() == ["parts.json", "parts.npz", "whole.json", "whole.npz"])
      #expect(try content(folder + "/parts.json") == content(folder + "/whole.json"))
      #expect(try content(folder + "/parts.npz") == content(folder + "/whole.npz"))
      let over = try sample("parts.npz", in: folder)
      #expect(over.status == 64 && over.errors.contains("'parts.npz' is complete"))
    }
  }

  @Test func goesOnWithTheSameCheckpointAlone() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let trained = try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(trained.status == 0, "\(trained.errors)")
      let checkpoint = ["--dit-checkpoint", "run/checkpoints/latest", "--vae-checkpoint", "none"]
      let arguments = checkpoint + ["--class-labels", "red,blue"]
      let killed = try sample("parts.npz", arguments, in: folder) { process in
        let mark = folder + "/parts.npz.parts/plan.json"
        while !FileManager.default.fileExists(atPath: mark), process.isRunning { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(killed.status == 137)
      // The same by another path, and with numbers for the names.
      let same = try sample(
        "parts.npz",
        ["--dit-checkpoint", "run/checkpoints/step-000001", "--vae-checkpoint", "none"]
          + ["--class-labels", "1,0", "--num-samples", "1000000"], in: folder)
      #expect(same.status == 64)
      #expect(
        same.errors.contains("was begun with other settings (num_samples 7 there, 1000000 here)"),
        "\(same.errors)")
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1_900_000_000)],
        ofItemAtPath: folder + "/run/checkpoints/step-000001/ema.safetensors")
      let other = try sample("parts.npz", arguments, in: folder)
      #expect(other.status == 64)
      #expect(other.errors.contains("(dit_checkpoint '"), "\(other.errors)")
      #expect(other.errors.contains("changed 2030-"), "\(other.errors)")
    }
  }

  @Test func stopsAllWhereOneIsStopped() throws {
    try withTemporaryFolder { folder in
      let arguments = ["--sampling-steps", "1000", "--workers", "2"]
      let stopped = try sample("parts.npz", arguments, in: folder) { process in
        let mark = folder + "/parts.npz.parts/block-0000000.rgb"
        while !FileManager.default.fileExists(atPath: mark), process.isRunning { usleep(1000) }
        let workers = try children(of: process)
        #expect(workers.count == 2)
        kill(try #require(workers.max()), SIGTERM)
      }
      #expect(stopped.status == 143, "\(stopped.errors)")
      let again = try sample("parts.npz", arguments, in: folder)
      #expect(again.status == 0, "\(again.errors)")
    }
  }

  @Test func leavesAFileToTheJobThatMakesIt() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/parts.npz.parts")
      var lock: FolderLock? = try FolderLock(folder + "/parts.npz.parts")
      #expect(lock != nil)
      let result = try sample("parts.npz", in: folder)
      #expect(result.status == 64)
      #expect(
        result.errors.contains("'parts.npz.parts' is in use by process \(getpid()) on "),
        "\(result.errors)")
      #expect(result.errors.contains("or choose another output"))
      lock = nil
      #expect(try sample("parts.npz", in: folder).status == 0)
    }
  }

  @Test func refusesAFolderBeforeAnyWork() throws {
    try withTemporaryFolder { folder in
      let result = try sample(".", in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains("--npz '.': it is a folder"), "\(result.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }
  }

  @Test func refusesWorkersWithoutAFile() throws {
    let result = try dit(["sample", "--workers", "2"])
    #expect(result.status == 64)
    #expect(result.errors.contains("for --npz alone"))
  }
}
