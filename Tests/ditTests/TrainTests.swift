internal import Checkpoint
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct TrainTests {
  @Test func leavesARunThatCanBeSampled() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try train(
        [
          "--max-steps", "6", "--ckpt-save-interval", "2", "--ckpt-max-keep", "2",
          "--sample-interval", "3", "--output-path", "run",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output == "run/checkpoints/latest\n")
      #expect(result.errors.contains("8 images, 2 classes, 4 a step, 6 steps"))
      let saved = try FileManager.default.contentsOfDirectory(atPath: folder + "/run/checkpoints")
      #expect(saved.sorted() == ["latest", "step-000004", "step-000006"])
      let lines = try String(contentsOfFile: folder + "/run/metrics.jsonl", encoding: .utf8)
        .split(separator: "\n")
      #expect(lines.count == 6 && lines[5].contains("\"step\":6,\"epoch\":3.0"))
      let last = try JSONDecoder().decode(
        [String: Double?].self,
        from: Data(
          lines[5].replacing("\"dropped\":false,", with: "").utf8))
      #expect(try (1e-9..<1).contains(#require(last["utilization"] ?? nil)))
      #expect(try #require(last["peak_memory_bytes"] ?? nil) > 1e6)
      #expect(result.errors.contains("6 steps in ") && result.errors.contains("waited for data"))
      #expect(FileManager.default.fileExists(atPath: folder + "/run/samples/step-000003.png"))
      let sample = try dit(
        [
          "sample", "--dit-checkpoint", "run/checkpoints/latest", "--vae-checkpoint", "none",
          "--class-labels", "red,blue", "--sampling-steps", "2", "--output-path", "out",
        ], in: folder)
      #expect(sample.status == 0, "\(sample.errors)")
      #expect(sample.errors.contains("2 attention heads, from the file's metadata"))
    }
  }

  @Test func resumesAsIfItHadNeverStopped() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let whole = try train(
        ["--max-steps", "8", "--ckpt-save-interval", "8", "--output-path", "whole"], in: folder)
      #expect(whole.status == 0, "\(whole.errors)")
      let first = try train(
        ["--max-steps", "8", "--ckpt-save-interval", "3", "--output-path", "parts"], in: folder)
      #expect(first.status == 0, "\(first.errors)")
      // As after a kill past step 6: the newest checkpoint is cut short, the one before serves.
      try FileManager.default.removeItem(atPath: folder + "/parts/checkpoints/step-000008")
      try Data("{".utf8).write(
        to: URL(filePath: folder + "/parts/checkpoints/step-000006/state.json"))
      let second = try train(
        [
          "--max-steps", "8", "--ckpt-save-interval", "8", "--output-path", "parts", "--resume",
          "--num-parallel-workers", "3",
        ], in: folder)
      #expect(second.status == 0, "\(second.errors)")
      #expect(second.errors.contains("resumed at step 3 (not from a newer one: "))
      for file in ["model", "ema", "optimizer"] {
        let expected = try weights("\(folder)/whole/checkpoints/step-000008/\(file).safetensors")
        let resumed = try weights("\(folder)/parts/checkpoints/step-000008/\(file).safetensors")
        #expect(expected.count == resumed.count)
        for (name, tensor) in expected {
          let other = try #require(resumed[name])
          #expect(relativeError(other, tensor) == 0, "\(file) \(name)")
        }
      }
    }
  }

  @Test func setsLaterStepsAsideWhenItResumes() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let run = ["--ckpt-save-interval", "2", "--output-path", "run", "--max-steps"]
      #expect(try train(run + ["6"], in: folder).status == 0)
      let checkpoints = folder + "/run/checkpoints"
      // As a process leaves it that is killed while it saves.
      try Folder.make(checkpoints + "/.partial-step-000009")
      let back = try train(
        run + ["3", "--resume", "run/checkpoints/step-000002", "--weight-decay", "0.5"], in: folder)
      #expect(back.status == 0, "\(back.errors)")
      #expect(back.errors.contains("resumed at step 2; set aside: step-000004, step-000006"))
      #expect(back.errors.contains("max_steps: 6 -> 3; weight_decay: 0.0 -> 0.5"))
      let names = try FileManager.default.contentsOfDirectory(atPath: checkpoints)
      #expect(
        Set(names) == [
          "latest", "step-000002", "step-000003", "set-aside-step-000004", "set-aside-step-000006",
        ])
      let again = try train(run + ["4", "--resume", "run"], in: folder)
      #expect(again.errors.contains("resumed at step 3"))
      let metrics = try String(contentsOfFile: folder + "/run/metrics.jsonl", encoding: .utf8)
      let steps = metrics.split(separator: "\n").compactMap { line in
        line.split(separator: ",").first.map(String.init)
      }
      #expect(steps == (1...4).map { "{\"step\":\($0)" })
    }
  }

  @Test func refusesToResumeAnotherRun() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let run = ["--max-steps", "1", "--output-path", "run"]
      #expect(try train(run, in: folder).status == 0)
      let settings = try String(contentsOfFile: folder + "/run/config.yaml", encoding: .utf8)
      let again = try train(run, in: folder)
      #expect(again.status == 64)
      #expect(again.errors.contains("holds a run already; go on with --resume"))
      let other = try train(
        run + ["--resume", "--seed", "9", "--train-batch-size", "2"], in: folder)
      #expect(other.status == 1)
      #expect(other.errors.contains("global_batch_size: 4 there, 2 here; seed: 3407 there, 9 here"))
      let wider = try train(run + ["--resume", "--hidden-size", "64"], in: folder)
      #expect(wider.status == 1)
      #expect(wider.errors.contains("width 32 depth 2 heads 2 there"))
      #expect(wider.errors.contains("width 64 depth 2 heads 2 here"))
      let frozen = try train(run + ["--resume", "--freeze", "blocks."], in: folder)
      #expect(frozen.errors.contains("freeze: nothing there, blocks. here"), "\(frozen.errors)")
      try FileManager.default.moveItem(
        atPath: folder + "/images/blue", toPath: folder + "/images/sea")
      let renamed = try train(run + ["--resume"], in: folder)
      #expect(renamed.errors.contains("class_names: "), "\(renamed.errors)")
      let elsewhere = try train(["--output-path", "other", "--resume", "nothing"], in: folder)
      #expect(elsewhere.status == 1)
      #expect(elsewhere.errors.contains("nothing/state.json"), "\(elsewhere.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/other"))
      #expect(
        try String(contentsOfFile: folder + "/run/config.yaml", encoding: .utf8) == settings)
    }
  }

  @Test func savesAndStopsOnASignal() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try dit(
        ["train", "--data-path", "images"] + tinyModel
          + ["--max-steps", "100000", "--ckpt-save-interval", "5", "--output-path", "run"],
        in: folder
      ) { process in
        let mark = folder + "/run/checkpoints/latest"
        while !FileManager.default.fileExists(atPath: mark), process.isRunning { usleep(10_000) }
        process.terminate()
      }
      #expect(result.status == 143, "\(result.errors)")
      #expect(result.errors.contains("--resume goes on from there."))
      let step = try #require(
        result.errors.split(separator: "\n").first { $0.hasPrefix("Saved step ") }
      ).split(separator: " ")[2].dropLast()
      let number = try #require(Int(step))
      #expect(
        FileManager.default.fileExists(
          atPath: folder + String(format: "/run/checkpoints/step-%06d/state.json", number)))
    }
  }

  @Test func keepsLabelEmbeddingsOfCommonClasses() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      #expect(try train(["--max-steps", "1", "--output-path", "first"], in: folder).status == 0)
      try FileManager.default.moveItem(
        atPath: folder + "/images/blue", toPath: folder + "/images/green")
      try Folder.make(folder + "/images/yellow")
      try FileManager.default.copyItem(
        atPath: folder + "/images/red/0.png", toPath: folder + "/images/yellow/0.png")
      let result = try dit(
        [
          "train", "--data-path", "images", "--vae-checkpoint", "none", "--image-size", "16",
          "--dit-checkpoint", "first/checkpoints/latest", "--train-batch-size", "4", "--max-steps",
          "1", "--step-mode", "--output-path", "second", "--freeze", "blocks",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        result.errors.contains(
          "the label table starts anew: 2 classes in the checkpoint, 3 here; 1 rows kept"))
      let before = try weights(folder + "/first/checkpoints/latest")
      let after = try weights(folder + "/second/checkpoints/latest")
      let name = "blocks.1.mlp.fc1.weight"
      let (old, new) = (try #require(before[name]), try #require(after[name]))
      #expect(relativeError(new, old) == 0)
    }
  }

  @Test(arguments: [
    (["--data-path", "images"], "--vae-checkpoint FILE, or none"),
    (["--data-path", "none", "--vae-checkpoint", "none"], "none"),
    (["--vae-checkpoint", "none"], "give --data-path"),
    (["--data-path", "images", "--vae-checkpoint", "none", "--image-size", "31"], "multiple of"),
    (["--hidden-size", "32"], "give --hidden-size, --depth, --num-heads"),
    (["--optim", "sgd"], "only adamw is known"),
    (["--condition", "text"], "only 'class' is known"),
  ]) func explainsWhatIsMissing(_ arguments: [String], _ hint: String) throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try dit(["train"] + arguments, in: folder)
      #expect([1, 64].contains(result.status))
      #expect(result.errors.contains("Error: ") && result.errors.contains(hint), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/runs"))
    }
  }

  @Test func readsMindONEsKeys() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try AtomicFile.write(
        """
        condition: "class"
        use_parallel: False
        image_size: 16
        dit_checkpoint: ""
        vae_checkpoint: none
        sd_scale_factor: 1.0
        enable_flash_attention: True
        dtype: "fp32"
        use_recompute: True
        patch_embedder: "conv"
        imagenet_format: True
        data_path: images
        dataset_sink_mode: True
        num_parallel_workers: 2
        start_learning_rate: 1.0e-4
        scheduler: "constant"
        warmup_steps: 2
        train_batch_size: 4
        gradient_accumulation_steps: 2
        weight_decay: 0.01
        epochs: 2
        use_ema: True
        clip_grad: True
        max_grad_norm: 0.01
        ckpt_max_keep: 1
        init_loss_scale: 65536
        betas: [0.8, 0.95]
        optim_eps: 1.e-6
        log_interval: 1
        ckpt_save_interval: 1
        step_mode: False
        hidden_size: 32
        depth: 2
        num_heads: 2
        patch_size: 4
        output_path: run
        """, to: folder + "/train.yaml")
      let result = try dit(["train", "-c", "train.yaml"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("8 a step, 2 steps"))
      let metrics = try metrics(folder + "/run")
      #expect(metrics.map { $0["lr"] } == [0.5e-4, 1e-4])
      let expected = try weights(folder + "/run/checkpoints/latest")
      // Were a key lost, its default would give the same.
      for flag in [
        "--betas=0.9,0.999", "--optim-eps=1e-8", "--weight-decay=0", "--clip-grad=false",
      ] {
        let output = "run\(flag)"
        let other = try dit(
          ["train", "-c", "train.yaml", flag, "--output-path", output], in: folder)
        #expect(other.status == 0, "\(other.errors)")
        let name = "final_layer.linear.weight"
        let changed = try #require(weights(folder + "/\(output)/checkpoints/latest")[name])
        #expect(try relativeError(changed, #require(expected[name])) > 0, "\(flag)")
      }
    }
  }

  /// The numbers of each line of a run's metrics.
  private func metrics(_ run: String) throws -> [[String: Double]] {
    try String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map {
      let values = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      return (values ?? [:]).compactMapValues { $0 as? Double }
    }
  }

  // Eight images: two whole steps of three an epoch, or a quarter of a step of 32.
  @Test(arguments: [("3", "2", [0.5, 1, 1.5, 2]), ("32", "4", [4]), ("32", "5", [4, 8])])
  func countsEpochsByTheRowsThatTheyTake(
    _ batch: String, _ epochs: String, _ expected: [Double]
  ) throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let result = try train(
        ["--train-batch-size", batch, "--epochs", epochs, "--output-path", "run"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(try metrics(folder + "/run").map { $0["epoch"] } == expected)
    }
  }
}
