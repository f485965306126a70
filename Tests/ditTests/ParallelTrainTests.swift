internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct ParallelTrainTests {
  @Test func learnsAsOneProcessDoes() throws {
    try withParallelFolder { folder in
      let steps = ["--max-steps", "20", "--ckpt-save-interval", "20"]
      let one = try folder.train(steps + ["--train-batch-size", "8", "--output-path", "one"])
      #expect(one.status == 0, "\(one.errors)")
      let runs = [
        ("two", ["--workers", "2", "--train-batch-size", "4"]),
        (
          "parts",
          ["--workers", "2", "--train-batch-size", "2", "--gradient-accumulation-steps", "2"]
        ),
        ("four", ["--workers", "4", "--train-batch-size", "2"]),
        ("sharded", ["--workers", "4", "--train-batch-size", "2", "--shard-optimizer"]),
        ("recomputed", ["--workers", "2", "--train-batch-size", "4", "--use-recompute"]),
        (
          "drawn",
          [
            "--workers", "2", "--train-batch-size", "4", "--sample-interval", "10",
            "--shard-optimizer",
          ]
        ),
      ]
      for (name, arguments) in runs {
        let run = try folder.train(steps + arguments + ["--output-path", name])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output == "\(name)/checkpoints/latest\n")
        let losses = zip(try folder.losses("one"), try folder.losses(name))
        #expect(try folder.losses(name).count == 20)
        #expect(losses.allSatisfy { abs($0 - $1) <= 1e-6 }, "\(name)")
        #expect(try folder.largestDifference(name, from: "one") <= 1e-6, "\(name)")
      }
      // libtorch's AdamW rounds the ends of parts otherwise.
      let bound = Processor.hasOwnKernels ? 0 : 1e-6
      for file in ["model", "ema", "optimizer"] {
        #expect(try folder.largestDifference("sharded", from: "four", file: file) <= bound)
      }
      for name in ["step-000010.png", "step-000020.png"] {
        #expect(Folder.hasFile("\(folder.path)/drawn/samples/\(name)"))
      }
    }
  }

  @Test func worksTogetherThoughTheFileSaysAlone() throws {
    try withParallelFolder { folder in
      try Data("use_parallel: False\n".utf8).write(to: URL(filePath: folder.path + "/a.yaml"))
      let run = try folder.train([
        "-c", "a.yaml", "--workers", "2", "--train-batch-size", "2", "--max-steps", "2",
        "--output-path", "run",
      ])
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.errors.contains("[0] 16 images, 2 classes, 4 a step"))
      #expect(try folder.losses("run").count == 2)
    }
  }

  @Test func goesOnWithAnotherNumberOfProcesses() throws {
    try withParallelFolder { folder in
      let one = try folder.train([
        "--max-steps", "8", "--train-batch-size", "4", "--output-path", "one",
      ])
      #expect(one.status == 0, "\(one.errors)")
      let first = try folder.train([
        "--max-steps", "4", "--train-batch-size", "2", "--workers", "2", "--shard-optimizer",
        "--output-path", "parts",
      ])
      #expect(first.status == 0, "\(first.errors)")
      let second = try folder.train([
        "--max-steps", "8", "--train-batch-size", "1", "--workers", "4", "--resume",
        "--output-path", "parts",
      ])
      #expect(second.status == 0, "\(second.errors)")
      #expect(second.errors.contains("[0] resumed at step 4\n"))
      #expect(try folder.largestDifference("parts", from: "one") <= 1e-6)
      // The same batch on each of fewer processes: 16 images of 40 are left in 2.5 epochs.
      let third = try folder.train([
        "--epochs", "3", "--train-batch-size", "2", "--workers", "2", "--resume",
        "parts/checkpoints/step-000008", "--output-path", "more",
      ])
      #expect(third.status == 0, "\(third.errors)")
      let fourth = try folder.train([
        "--epochs", "4", "--train-batch-size", "2", "--resume",
        "more/checkpoints/latest", "--output-path", "last",
      ])
      #expect(fourth.status == 0, "\(fourth.errors)")
      #expect(fourth.errors.contains("4 images a step before, 2 now"))
      // 48 samples in 12 steps, and 16 more in 8.
      #expect(fourth.errors.contains("Training 20/20"))
    }
  }

  @Test(arguments: [0, 1]) func saysWhichProcessDied(_ rank: Int) throws {
    try withParallelFolder { folder in
      let options = [
        "--train-batch-size", "2", "--workers", "2", "--ckpt-save-interval", "3", "--output-path",
        "run",
      ]
      let result = try folder.train(options + ["--max-steps", "100000"]) { process in
        let mark = folder.path + "/run/checkpoints/latest"
        while !FileManager.default.fileExists(atPath: mark), process.isRunning { usleep(10_000) }
        kill(try workers(of: process)[rank], SIGKILL)
      }
      #expect(result.status == 1)
      let hint = "Error: rank \(rank) on \(HostName.current) "
      #expect(result.errors.contains("\n\(hint)"), "\(result.errors)")
      #expect(result.errors.contains("[\(1 - rank)] \(hint)"), "\(result.errors)")
      #expect(result.errors.contains("last seen at "), "\(result.errors)")
      let steps =
        try String(contentsOfFile: folder.path + "/run/metrics.jsonl", encoding: .utf8)
        .split(separator: "\n").count + 2
      let again = try folder.train(options + ["--max-steps", "\(steps)", "--resume"])
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.errors.contains("[0] resumed at step "))
    }
  }

  @Test func noticesAProcessThatHangs() throws {
    try withParallelFolder { folder in
      let result = try folder.train([
        "--train-batch-size", "2", "--workers", "2", "--max-steps", "100000", "--timeout", "10",
        "--output-path", "run",
      ]) { process in
        waitForSteps(of: process, in: folder)
        kill(try workers(of: process)[1], SIGSTOP)
      }
      #expect(result.status == 1)
      #expect(
        result.errors.contains("\nError: rank 1 on \(HostName.current) "),
        "\(result.errors)")
    }
  }

  @Test func saysWhatIsWrongWithOptions() throws {
    try withParallelFolder { folder in
      let result = try folder.train([
        "--train-batch-size", "2", "--workers", "2", "--image-size", "9", "--output-path", "run",
      ])
      #expect(result.status == 64, "\(result.errors)")
      #expect(result.errors.contains("must be a multiple of"))
    }
  }

  @Test func noticesEndsThoughTheParentIgnoresThem() throws {
    try withParallelFolder { folder in
      let result = try dit(
        ParallelFolder.model + [
          "--train-batch-size", "2", "--workers", "2", "--image-size", "9", "--output-path", "run",
        ], in: folder.path, by: ["/usr/bin/env", "--ignore-signal=CHLD"])
      #expect(result.status == 64, "\(result.errors)")
    }
  }

  @Test(arguments: [SIGINT, SIGTERM]) func stopsAllOnASignal(_ signal: Int32) throws {
    try withParallelFolder { folder in
      let result = try folder.train([
        "--train-batch-size", "2", "--workers", "2", "--max-steps", "100000", "--output-path",
        "run",
      ]) { process in
        waitForSteps(of: process, in: folder)
        kill(process.processIdentifier, signal)
      }
      #expect(result.status == 128 + signal, "\(result.errors)")
      #expect(result.errors.contains("[0] Saved step "))
      #expect(result.errors.contains("Passing signal \(signal) "))
      #expect(!result.errors.contains("Error"))
    }
  }

  @Test func stopsAllOnASignalToOne() throws {
    try withParallelFolder { folder in
      let result = try folder.train([
        "--train-batch-size", "2", "--workers", "2", "--max-steps", "100000", "--output-path",
        "run",
      ]) { process in
        waitForSteps(of: process, in: folder)
        kill(try workers(of: process)[1], SIGTERM)
      }
      #expect(result.status == 143, "\(result.errors)")
      #expect(result.errors.contains("[0] Saved step "))
      #expect(result.errors.contains("One of the processes was sent signal 15 "))
    }
  }

  @Test func warnsOfMemoryForAllProcessesOfTheMachine() throws {
    // 70 % of what is free, for the images of one process: two blocks keep 8 bytes and 16 numbers of
    // each of 128 x 128 tokens of width 256.
    let perImage = 2 * 128 * 128 * 256 * (8 + 16 * 4)
    let batch = try #require(ProcessMemory.availableBytes) * 7 / 10 / perImage
    try withParallelFolder { folder in
      let run = ["--train-batch-size", "1", "--max-steps", "1", "--output-path", "run"]
      #expect(try folder.train(run).status == 0)
      for count in [1, 2] {
        // Another model, which is refused before it takes a step.
        let result = try folder.train([
          "--resume", "--output-path", "run", "--image-size", "256", "--hidden-size", "256",
          "--train-batch-size", "\(batch)", "--max-steps", "1", "--workers", "\(count)",
        ])
        #expect(result.status == 1)
        #expect(result.errors.contains("of another run"), "\(result.errors)")
        #expect(
          result.errors.contains("(2 processes here, ") == (count == 2), "\(result.errors)")
        #expect(result.errors.contains("of memory are free") == (count == 2))
      }
    }
  }

  /// Waits until a run has taken a step.
  private func waitForSteps(of process: Process, in folder: ParallelFolder) {
    let mark = folder.path + "/run/metrics.jsonl"
    while FileManager.default.contents(atPath: mark)?.isEmpty ?? true, process.isRunning {
      usleep(10_000)
    }
  }

  /// The workers of a running `dit`, by rank.
  private func workers(of process: Process) throws -> [Int32] {
    let children = try String(
      contentsOfFile:
        "/proc/\(process.processIdentifier)/task/\(process.processIdentifier)/children",
      encoding: .utf8)
    return children.split(separator: " ").compactMap { Int32($0) }.sorted()
  }
}
