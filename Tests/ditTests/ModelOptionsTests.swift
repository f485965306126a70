internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

/// Options of `dit train` that say what the model is.
@Suite struct ModelOptionsTests {
  private let pixels = [
    "train", "--data-path", "images", "--vae-checkpoint", "none", "--image-size", "16",
    "--train-batch-size", "4", "--step-mode", "--max-steps", "1",
  ]

  @Test(arguments: [
    (["--model-name", "DiT-S/8", "--depth", "3"], "depth 3: DiT-S/8 has 12; leave --depth or"),
    (
      ["--model-name", "DiT-S/8", "--patch-size", "4"],
      "patch size 4: DiT-S/8 has 8; leave --patch-size or"
    ),
    (
      ["--model-name", "DiT-S/8", "--hidden-size", "32"],
      "width 32: DiT-S/8 has 384; leave --hidden-size or"
    ),
    (["--model-name", "DiT-S/8", "--embed-dim", "7"], "width 7: DiT-S/8 has 384"),
    (["--patch-size", "4"], "patch size 4: DiT-XL/2, the default, has 2"),
    (
      [
        "--hidden-size", "32", "--depth", "2", "--num-heads", "2", "--patch-size", "4",
        "--embed-dim", "64",
      ], "embed_dim 64 contradicts hidden_size 32"
    ),
    (
      [
        "--hidden-size", "32", "--depth", "2", "--num-heads", "2", "--patch-size", "4", "--freeze",
        "blokcs, x_embedder",
      ], "frozen 'blokcs': no parameter has that in its name; did you mean 'blocks'?; change"
    ),
    (
      [
        "--hidden-size", "32", "--depth", "2", "--num-heads", "2", "--patch-size", "4", "--freeze",
        "embedder,blocks,final_layer",
      ], "nothing is left to train"
    ),
  ]) func refusesWhatDoesNotAgree(_ arguments: [String], _ hint: String) throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images", count: 2)
      let result = try dit(pixels + arguments, in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains(hint), "\(result.errors)")
      #expect(!Folder.exists(folder + "/runs"))
    }
  }

  @Test func comparesOptionsWithTheCheckpointAndDoesNotNeedItAgain() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      #expect(try train(["--max-steps", "2", "--output-path", "first"], in: folder).status == 0)
      let start = pixels + ["--dit-checkpoint", "first/checkpoints/latest"]
      for (arguments, hint) in [
        (["--depth", "7"], "depth 7: 'first/checkpoints/latest/ema.safetensors' has 2"),
        (["--patch-size", "8"], "patch size 8: "), (["--hidden-size", "64"], "width 64: "),
        (
          ["--block", "lightning"],
          "blocks lightning: 'first/checkpoints/latest/ema.safetensors' has layernorm"
        ),
        (["--learn-sigma", "false"], "ema.safetensors' learns the variance; leave"),
        (
          ["--model-name", "DiT-S/8"], "is no DiT-S/8 but of width 32, depth 2, patch size 4; leave"
        ),
      ] {
        let result = try dit(start + arguments, in: folder)
        #expect(result.status == 64)
        #expect(result.errors.contains(hint), "\(result.errors)")
      }
      let agreed = ["--depth", "2", "--learn-sigma", "true", "--output-path", "second"]
      let freeze = ["--freeze", " blocks , x_embedder"]
      let second = try dit(start + agreed + freeze, in: folder)
      #expect(second.status == 0, "\(second.errors)")
      let before = try weights(folder + "/first/checkpoints/latest/ema.safetensors")
      let after = try weights(folder + "/second/checkpoints/latest/model.safetensors")
      for (name, tensor) in after where name != "pos_embed" {
        let old = try #require(before[name])
        if name.hasPrefix("blocks") || name.hasPrefix("x_embedder") {
          #expect(relativeError(tensor, old) == 0, "\(name)")
        } else if name.hasPrefix("final_layer.linear") {
          #expect(relativeError(tensor, old) > 0, "\(name)")
        }
      }

      // A run that goes on has all that it needs.
      try FileManager.default.removeItem(atPath: folder + "/first")
      let more = ["--max-steps", "2", "--resume"]
      let resumed = try dit(start + agreed + freeze + more, in: folder)
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(resumed.errors.contains("resumed at step 1"))
      #expect(try dit(start + ["--output-path", "third"], in: folder).status == 1)
    }
  }
}
