internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct TrainAutoencoderTests {
  private func train(_ folder: EncodingFolder, _ arguments: [String]) throws -> ProgramResult {
    let options = [
      ("--data-path", "images"), ("--image-size", "32"), ("--widths", "4,8"),
      ("--block-count", "1"), ("--max-steps", "3"), ("--train-batch-size", "2"),
      ("--output-path", "own.safetensors"),
    ].filter { !arguments.contains($0.0) }
    return try dit(
      ["train-autoencoder"] + options.flatMap { [$0.0, $0.1] } + arguments, in: folder.path)
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
      #expect(result.errors.contains("of 1000000; the same command with --force starts anew"))
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
