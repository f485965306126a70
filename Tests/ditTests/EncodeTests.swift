internal import Checkpoint
internal import Dispatch
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct EncodeTests {
  @Test(arguments: ["tiny", "kl"], [true, false])
  func trainsAsOnTheFolder(_ kind: String, _ mirrors: Bool) throws {
    try withEncodingFolder { folder in
      try folder.addImages(10)
      // A rate and a factor at which the loss soon depends on the latents.
      let recipe = ["--start-learning-rate", "0.01", "--sd-scale-factor", "4"]
      let flip = recipe + ["--horizontal-flip", "\(mirrors)"]
      let cache = try folder.encode(
        ["--shard-size", "4", "--batch-size", "3"], vae: kind)
      #expect(cache.status == 0, "\(cache.errors)")
      #expect(cache.output == "cache\n")
      #expect(
        try folder.content("cache").keys.sorted() == [
          "manifest.json", "shard-00000.safetensors", "shard-00001.safetensors",
          "shard-00002.safetensors",
        ])
      let shard = try Checkpoint.open(folder.path + "/cache/shard-00002.safetensors").stateDict
      let names = kind == "kl" ? ["logvar", "logvar_flip"] : []
      #expect(shard.keys.sorted() == ["labels"] + names + ["mean", "mean_flip"])
      #expect(shard["labels"]?.elements(Int.self) == [1, 1])

      let expected = try folder.losses(
        ["--data-path", "images", "--vae-checkpoint", "\(kind).st"] + flip, run: "a")
      let losses = try folder.losses(["--data-path", "cache"] + flip, run: "b")
      #expect(expected.count == 4 && losses.count == 4)
      // Latents of the compiled encoder do not depend on the batch.
      let tolerance = kind == "kl" ? 0 : 1e-6
      for (loss, other) in zip(losses, expected) { #expect(abs(loss - other) <= tolerance) }
      let others = try folder.losses(
        ["--data-path", "cache", "--horizontal-flip", "\(!mirrors)"] + recipe, run: "c")
      #expect(zip(others, expected).contains { abs($0 - $1) > 1e-5 })
    }
  }

  @Test func resumesARunThatTrainedOnTheFolder() throws {
    try withEncodingFolder { folder in
      try folder.addImages(10)
      #expect(try folder.encode(vae: "kl").status == 0)
      let expected = try folder.losses(
        ["--data-path", "images", "--vae-checkpoint", "kl.st"], run: "run")
      for step in [3, 4] {
        try FileManager.default.removeItem(
          atPath: folder.path + "/run/checkpoints/step-00000\(step)")
      }
      let all = try folder.losses(["--data-path", "cache", "--resume"], run: "run")
      for (loss, other) in zip(all[4...], expected[2...]) { #expect(abs(loss - other) < 1e-6) }
    }
  }

  @Test func continuesAfterAKill() throws {
    try withEncodingFolder { folder in
      try folder.addImages(60)
      let options = ["--shard-size", "1"]
      #expect(try folder.encode(options, to: "whole").status == 0)
      let killed = try folder.encode(options) { process in
        while try folder.count("cache", ".json") < 4, process.isRunning { usleep(500) }
        kill(process.processIdentifier, SIGKILL)
      }
      #expect(killed.status == 137)
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/cache/manifest.json"))
      let early = try dit(["train", "--data-path", "cache"], in: folder.path)
      #expect(early.status == 64)
      #expect(early.errors.contains("that is not finished; run dit encode again"))
      // As if the kill had come within the writing of two files.
      try folder.spoil("cache/shard-00001.safetensors")
      try FileManager.default.removeItem(atPath: folder.path + "/cache/shard-00000.json")
      let resumed = try folder.encode(options)
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(try folder.content("cache") == folder.content("whole"))
    }
  }

  @Test func stopsOnASignalAndGoesOn() throws {
    try withEncodingFolder { folder in
      try folder.addImages(60)
      let options = ["--shard-size", "1"]
      let stopped = try folder.encode(options) { process in
        while try folder.count("cache", ".json") < 4, process.isRunning { usleep(500) }
        process.interrupt()
      }
      #expect(stopped.status == 130, "\(stopped.errors)")
      #expect(stopped.errors.contains("The same command goes on from here."))
      #expect(try folder.count("cache", ".lock") == 0)
      #expect(try folder.encode(options).status == 0)
      #expect(try folder.encode(options, to: "whole").status == 0)
      #expect(try folder.content("cache") == folder.content("whole"))
    }
  }

  @Test func sharesTheWork() throws {
    try withEncodingFolder { folder in
      try folder.addImages(40)
      let options = ["--shard-size", "2"]
      #expect(try folder.encode(options, to: "whole").status == 0)
      DispatchQueue.concurrentPerform(iterations: 2) { _ in
        do {
          let result = try folder.encode(options)
          #expect(result.status == 0, "\(result.errors)")
        } catch {
          Issue.record(error)
        }
      }
      #expect(try folder.content("cache") == folder.content("whole"))
    }
  }

  @Test func leavesWhatAnotherProcessHasClaimed() throws {
    try withEncodingFolder { folder in
      try folder.addImages(6)
      let options = ["--shard-size", "2"]
      #expect(try folder.encode(options, to: "whole").status == 0)
      try Folder.make(folder.path + "/cache")
      let claim = try #require(try LockFile(folder.path + "/cache/shard-00001.lock"))
      let result = try folder.encode(options) { process in
        while try folder.count("cache", ".safetensors") < 2, process.isRunning { usleep(1000) }
        #expect(process.isRunning)
        #expect(!Folder.hasFile(folder.path + "/cache/shard-00001.safetensors"))
        claim.release()
      }
      #expect(result.status == 0, "\(result.errors)")
      #expect(try folder.content("cache") == folder.content("whole"))
    }
  }

  @Test func refusesADamagedFileAndMakesItAgain() throws {
    try withEncodingFolder { folder in
      try folder.addImages(6)
      let options = ["--shard-size", "2"]
      #expect(try folder.encode(options).status == 0)
      let whole = try folder.content("cache")
      for (damage, hint) in [
        (folder.spoil, "its checksum is not the manifest's"),
        (folder.shorten, "bytes and the manifest says"),
        (folder.remove, "no such file"),
      ] as [((String) throws -> Void, String)] {
        try damage("cache/shard-00001.safetensors")
        let result = try folder.train(["--data-path", "cache"], run: "run")
        #expect(result.status == 1)
        #expect(result.errors.contains("cache/shard-00001.safetensors'"), "\(result.errors)")
        #expect(result.errors.contains(hint), "\(result.errors)")
        #expect(try folder.encode(options).status == 0)
        #expect(try folder.content("cache") == whole)
      }
      try AtomicFile.write("{\"settings\": {}}", to: folder.path + "/cache/manifest.json")
      let result = try folder.train(["--data-path", "cache"], run: "run")
      #expect(result.status == 1)
      #expect(result.errors.contains("'cache/manifest.json' is damaged"), "\(result.errors)")
      let encoded = try folder.encode(options)
      #expect(encoded.status == 1)
      #expect(encoded.errors.contains("remove it and run dit encode again"), "\(encoded.errors)")
      try folder.remove("cache/manifest.json")
      #expect(try folder.encode(options).status == 0)
      #expect(try folder.content("cache") == whole)
    }
  }

  @Test func leavesOutWhatCannotBeRead() throws {
    try withEncodingFolder { folder in
      try folder.addImages(100)
      try AtomicFile.write("no image", to: folder.path + "/images/a/007.png")
      let result = try folder.encode(["--shard-size", "40"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("images/a/007.png"))
      #expect(result.errors.contains("99 images, 1 left out that cannot be read"))
      let manifest = String(
        decoding: try #require(try folder.content("cache")["manifest.json"]), as: UTF8.self)
      #expect(manifest.contains("\"file\" : \"a/007.png\""))
      let size = ["--train-batch-size", "25"]
      let expected = try folder.losses(
        ["--data-path", "images", "--vae-checkpoint", "tiny.st"] + size, run: "a")
      let losses = try folder.losses(["--data-path", "cache"] + size, run: "b")
      for (loss, other) in zip(losses, expected) { #expect(abs(loss - other) < 1e-6) }

      for number in 60..<65 {
        try AtomicFile.write("no image", to: folder.path + "/images/b/0\(number).png")
      }
      let second = try folder.encode(to: "other")
      #expect(second.status == 1)
      #expect(second.errors.contains("more than 5 of the 100 images"), "\(second.errors)")
      #expect(!Folder.hasFile(folder.path + "/other/manifest.json"))
    }
  }

  @Test func takesHalfTheRoom() throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      let options = ["--dtype", "fp16", "--horizontal-flip", "false"]
      #expect(try folder.encode(options, vae: "kl").status == 0)
      let shard = try Checkpoint.open(folder.path + "/cache/shard-00000.safetensors").stateDict
      #expect(shard.keys.sorted() == ["labels", "logvar", "mean"])
      #expect(shard["mean"]?.dtype == .float16)
      let refused = try folder.train(["--data-path", "cache"], run: "a")
      #expect(refused.status == 64)
      #expect(refused.errors.contains("has no mirror images"), "\(refused.errors)")
      let flip = ["--horizontal-flip", "false"]
      let expected = try folder.losses(
        ["--data-path", "images", "--vae-checkpoint", "kl.st"] + flip, run: "b")
      let losses = try folder.losses(["--data-path", "cache"] + flip, run: "c")
      for (loss, other) in zip(losses, expected) { #expect(abs(loss - other) < 1e-2) }
    }
  }

  @Test func explainsWhatDoesNotGoTogether() throws {
    try withEncodingFolder { folder in
      try folder.addImages(4)
      #expect(try folder.encode(vae: "kl").status == 0)
      for (arguments, status, hint) in [
        (["--image-size", "64"], 64, "is a cache of latents of 32 pixels"),
        (["--vae-checkpoint", "none"], 64, "is a cache of latents, and the autoencoder is none"),
        (["--vae-checkpoint", "tiny.st"], 1, "and the latents of 'cache' are of AutoencoderKL"),
      ] as [([String], Int32, String)] {
        let result = try folder.train(["--data-path", "cache"] + arguments, run: "run")
        #expect(result.status == status)
        #expect(result.errors.contains(hint), "\(result.errors)")
      }
      let shown = try folder.train(
        ["--data-path", "cache", "--sample-interval", "4", "--vae-checkpoint", "kl.st"], run: "run")
      #expect(shown.status == 0, "\(shown.errors)")
      #expect(Folder.hasFile(folder.path + "/run/samples/step-000004.png"))
      // The cache knows its autoencoder, as long as it is there.
      let sampled = ["--data-path", "cache", "--sample-interval", "4"]
      let known = try folder.train(sampled, run: "known")
      #expect(known.status == 0, "\(known.errors)")
      #expect(known.errors.contains("/kl.st', as the cache notes"), "\(known.errors)")
      #expect(Folder.hasFile(folder.path + "/known/samples/step-000004.png"))
      try Folder.rename(folder.path + "/kl.st", to: folder.path + "/moved.st")
      let gone = try folder.train(sampled, run: "gone")
      #expect(gone.status == 64 && !Folder.exists(folder.path + "/gone"))
      #expect(
        gone.errors.contains("sample grids need the autoencoder that made 'cache'; give"),
        "\(gone.errors)")
      try Folder.rename(folder.path + "/moved.st", to: folder.path + "/kl.st")

      for (arguments, vae, hint) in [
        (["--shard-size", "2"], "kl", "shard size: 1024 there, 2 here"),
        ([], "tiny", "autoencoder: AutoencoderKL"),
        (
          ["--output-path", "images/cache"], "kl",
          "lies among the images; choose another --output-path"
        ),
        (["--image-size", "33"], "kl", "multiple of the autoencoder's factor, 2"),
        (["--vae-checkpoint", "none"], "kl", "there is nothing to encode"),
        (["--dtype", "bf16"], "kl", "'fp32' and 'fp16'"),
      ] {
        let result = try folder.encode(arguments, vae: vae)
        #expect([1, 64].contains(result.status))
        #expect(result.errors.contains(hint), "\(result.errors)")
      }
    }
  }

  @Test func sharesTheWorkAmongWorkers() throws {
    try withEncodingFolder { folder in
      try folder.addImages(7)
      let one = try folder.encode(["--shard-size", "2"], to: "one")
      #expect(one.status == 0, "\(one.errors)")
      let two = try folder.encode(
        ["--shard-size", "2", "--workers", "2", "--timeout", "60"], to: "two")
      #expect(two.status == 0, "\(two.errors)")
      #expect(two.output == "two\n")
      #expect(try folder.content("two") == folder.content("one"))
    }
  }

  @Test func stopsAllWorkersWhereOneIsStopped() throws {
    try withEncodingFolder { folder in
      try folder.addImages(60)
      let options = ["--shard-size", "1"]
      let stopped = try folder.encode(options + ["--workers", "2", "--timeout", "60"]) { process in
        while try folder.count("cache", ".json") < 4, process.isRunning { usleep(500) }
        kill(try #require(try children(of: process).min()), SIGTERM)
      }
      #expect(stopped.status == 143, "\(stopped.errors)")
      #expect(!stopped.errors.contains("Error: "), "\(stopped.errors)")
      #expect(try folder.count("cache", ".lock") == 0)
      #expect(try folder.encode(options).status == 0)
      #expect(try folder.encode(options, to: "whole").status == 0)
      #expect(try folder.content("cache") == folder.content("whole"))
    }
  }
}
