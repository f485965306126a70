internal import Checkpoint
internal import Files
internal import Foundation
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
      #expect(again.status == 64 && again.errors.contains("'own.safetensors' is there already"))
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
      #expect(!Folder.exists(folder.path + "/whole.safetensors.run"))
      let none = try train(folder, steps + ["--resume"])
      #expect(none.status == 64)
      #expect(none.errors.contains("no unfinished run is in 'own.safetensors.run'"))

      for signal in [SIGKILL, SIGTERM] {
        let arguments = steps + (signal == SIGKILL ? [] : ["--resume"])
        let stopped = try train(folder, arguments) { process in
          let mark = folder.path + "/own.safetensors.run/checkpoints/step-0000"
          let last = mark + (signal == SIGKILL ? "07" : "21")
          while process.isRunning, !Folder.exists(last) { usleep(500) }
          kill(process.processIdentifier, signal)
        }
        #expect(stopped.status == 128 + signal, "\(stopped.errors)")
      }
      let again = try train(folder, steps)
      #expect(again.status == 64)
      #expect(again.errors.contains("'own.safetensors.run' holds a run that is not finished"))
      let other = try train(folder, steps + ["--resume", "--widths", "8,8"])
      #expect(other.status == 1)
      #expect(other.errors.contains("is of another run: widths: 4,8 there, 8,8 here"))

      let resumed = try train(folder, steps + ["--resume"])
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(resumed.errors.contains("resumed at step "))
      try expectSame(folder.path + "/own.safetensors", folder.path + "/whole.safetensors")
      #expect(!Folder.exists(folder.path + "/own.safetensors.run"))
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
