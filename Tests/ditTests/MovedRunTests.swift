internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// Runs that are resumed by their path, and files of a run that are named themselves.
@Suite struct MovedRunTests {
  private func train(_ arguments: [String], in folder: String) throws -> ProgramResult {
    try dit(["train", "--data-path", "images"] + tinyModel + arguments, in: folder)
  }

  @Test func goOnInTheirNewPlace() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      for run in ["run", "other"] {
        let begun = try train(["--max-steps", "1", "--output-path", run], in: folder)
        #expect(begun.status == 0, "\(begun.errors)")
      }
      try FileManager.default.moveItem(atPath: folder + "/run", toPath: folder + "/moved")
      try FileManager.default.moveItem(atPath: folder + "/other", toPath: folder + "/run")
      let more = try dit(["train", "--resume", "moved", "--max-steps", "2"], in: folder)
      #expect(more.status == 0 && more.output == "moved/checkpoints/latest\n", "\(more.errors)")
      func steps(_ run: String) throws -> [String] {
        try Folder.names(in: folder + "/\(run)/checkpoints")
      }
      #expect(try steps("moved").contains("step-000002"))
      #expect(try !steps("run").contains("step-000002"))
    }
  }

  @Test func beginAnewWithoutACheckpoint() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let begun = try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(begun.status == 0, "\(begun.errors)")
      try Folder.remove(folder + "/run/checkpoints")
      let anew = try dit(["train", "--resume", "run", "--max-steps", "1"], in: folder)
      #expect(anew.status == 0, "\(anew.errors)")
      #expect(Folder.hasFile(folder + "/run/checkpoints/step-000001/ema.safetensors"))
    }
  }

  @Test func tellWhichWeightsAFileHas() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let begun = try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(begun.status == 0, "\(begun.errors)")
      let step = "run/checkpoints/step-000001/"
      let sample = [
        "sample", "--vae-checkpoint", "none", "--sampling-steps", "1", "--output-path", "out",
        "--dit-checkpoint", step + "ema.safetensors",
      ]
      let last = try dit(sample + ["--no-ema"], in: folder)
      #expect(last.status == 1 && last.errors.contains("is the EMA of a run"), "\(last.errors)")
      // Weights without the record of their checksums.
      try AtomicFile.write("{\"trainer\":", to: folder + "/" + step + "state.json")
      let damaged = try dit(sample, in: folder)
      #expect(damaged.status == 1)
      #expect(damaged.errors.contains("state.json', the record of the checkpoint, is damaged"))
    }
  }
}
