internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing

@Suite struct TrainAutoencoderTests {
  private func train(
    _ folder: EncodingFolder, _ arguments: [String],
    started: (Process) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    let options = [
      ("--data-path", "images"), ("--image-size", "32"), ("--widths", "4,8"),
      ("--block-count", "1"), ("--max-steps", "3"), ("--train-batch-size", "2"),
      ("--output-path", "own.safetensors"),
    ].filter { !arguments.contains($0.0) }
    return try dit(
      ["train-autoencoder"] + options.flatMap { [$0.0, $0.1] } + arguments, in: folder.path,
      started: started)
  }

  @Test func makesAnAutoencoderToTrainOn() throws {
    try withEncodingFolder { folder in
      try folder.addImages(6)
      let result = try train(folder, [])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "own.safetensors\n")
      #expect(result.errors.contains("6 images to latents of 4 x 16 x 16"))
      let losses = try folder.losses(
        ["--data-path", "images", "--vae-checkpoint", "own.safetensors"], run: "run")
      #expect(losses.count == 4)

      let again = try train(folder, [])
      #expect(again.status == 64 && again.errors.contains("'own.safetensors.run' holds a run"))
      #expect(try train(folder, ["--force"]).status == 0)
    }
  }

  @Test func saysWhatCtrlCLeft() throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      let result = try dit(
        [
          "train-autoencoder", "--data-path", "images", "--image-size", "32", "--widths", "4,8",
          "--block-count", "1", "--max-steps", "1000000", "--train-batch-size", "2",
          "--save-interval", "1", "--output-path", "own.safetensors",
        ], in: folder.path
      ) { process in
        while process.isRunning, try folder.count("", ".safetensors") == 0 { usleep(20_000) }
        kill(process.processIdentifier, SIGINT)
      }
      #expect(result.status == 128 + SIGINT, "\(result.errors)")
      #expect(result.errors.contains("Wrote 'own.safetensors' after "), "\(result.errors)")
      #expect(result.errors.contains("of 1000000; --resume goes on from there"))
    }
  }

  /// The tensors of a file are those of another to the last bit.
  private func expectSame(_ path: String, _ other: String) throws {
    let (ours, theirs) = (try weights(path), try weights(other))
    #expect(Set(ours.keys) == Set(theirs.keys) && !ours.isEmpty)
    for (name, tensor) in ours {
      #expect(relativeError(tensor, try #require(theirs[name])) == 0, "\(name)")
    }
  }

  @Test func goesOnAsIfItHadNotBeenStopped() throws {
    try withEncodingFolder { folder in
      // A step's images are no divisor of all, and the last save is none of the last step.
      try folder.addImages(5)
      let steps = ["--max-steps", "100", "--save-interval", "7"]
      #expect(try train(folder, steps + ["--output-path", "whole.safetensors"]).status == 0)
      for signal in [SIGKILL, SIGTERM] {
        // The first one finds nothing to resume.
        let arguments = steps + ["--resume"]
        let stopped = try train(folder, arguments) { process in
          let mark = folder.path + "/own.safetensors.run/checkpoints/step-0000"
          let last = mark + (signal == SIGKILL ? "07" : "21")
          while process.isRunning, !Folder.exists(last) { usleep(500) }
          kill(process.processIdentifier, signal)
        }
        #expect(stopped.status == 128 + signal, "\(stopped.errors)")
        #expect(stopped.errors.contains("the run begins anew") == (signal == SIGKILL))
      }
      let again = try train(folder, steps)
      #expect(again.status == 64)
      #expect(again.errors.contains("'own.safetensors.run' holds a run: go on with --resume"))
      let other = try train(folder, steps + ["--resume", "--widths", "8,8"])
      #expect(other.status == 1)
      #expect(other.errors.contains("is of another run: widths: 4,8 there, 8,8 here"))

      let resumed = try train(folder, steps + ["--resume"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(resumed.errors.contains("resumed at step "))
      try expectSame(folder.path + "/own.safetensors", folder.path + "/whole.safetensors")
    }
  }

  @Test func goesOnAfterItsEnd() throws {
    try withEncodingFolder { folder in
      try folder.addImages(5)
      #expect(try train(folder, ["--save-interval", "2"]).status == 0)
      let run = folder.path + "/own.safetensors.run"
      func steps() throws -> [Int] {
        try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
          .map { line in
            let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(fields?["loss"] is Double && fields?["psnr"] is Double)
            return fields?["step"] as? Int ?? 0
          }
      }
      #expect(try steps() == [1, 2, 3])
      let samples = try Folder.names(in: run + "/samples")
      #expect(samples == ["step-000002.png", "step-000003.png"])
      // Five images above their reconstructions.
      let grid = try RGBImage(contentsOf: run + "/samples/step-000003.png")
      #expect((grid.width, grid.height) == (5 * 34 + 2, 2 * 34 + 2))

      let ended = try dit(
        ["train-autoencoder", "--output-path", "own.safetensors", "--resume"], in: folder.path)
      #expect(ended.status == 0, "\(ended.errors)")
      #expect(ended.errors.contains("has taken its 3 steps already: raise --max-steps"))
      // Its own options, but for the steps.
      let more = try dit(
        [
          "train-autoencoder", "--output-path", "own.safetensors", "--resume", "--max-steps", "5",
        ], in: folder.path)
      #expect(more.status == 0, "\(more.errors)")
      #expect(more.errors.contains("resumed at step 3"))
      #expect(more.errors.contains("those of 'own.safetensors.run/config.yaml'"))
      #expect(try steps() == [1, 2, 3, 4, 5])

      // The file alone is no state, and is not written over.
      try Folder.remove(run)
      let without = try train(folder, ["--resume"])
      #expect(without.status == 64, "\(without.errors)")
      #expect(without.errors.contains("no state to resume from in 'own.safetensors.run'"))
    }
  }

  @Test func noticesADamagedState() throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      #expect(try train(folder, []).status == 0)
      try folder.spoil("own.safetensors.run/checkpoints/step-000003/optimizer.safetensors")
      let again = try train(folder, ["--resume", "--max-steps", "4"])
      #expect(again.status == 1)
      #expect(again.errors.contains("optimizer.safetensors' is damaged"), "\(again.errors)")
    }
  }

  @Test(arguments: [
    (["--image-size", "33"], "must be a multiple of the autoencoder's factor, 2"),
    (["--widths", "4,x"], "--widths"), (["--widths", "4 8"], "--widths"),
    (["--max-steps", "0"], "--max-steps 0"),
    (["--data-path", "nowhere"], "nowhere"), (["--output-path", "own.pt"], ".safetensors"),
    (["--output-path", "nowhere/own.safetensors"], "nowhere"),
  ])
  func refuses(_ arguments: [String], _ message: String) throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      let result = try train(folder, arguments)
      #expect(result.status == (message == "nowhere" ? 1 : 64))
      #expect(result.errors.contains(message), "\(result.errors)")
      #expect(try folder.count("", ".safetensors") == 0)
    }
  }
}
