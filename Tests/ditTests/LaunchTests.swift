internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// Pairs of processes with the variables that launchers set.
@Suite struct LaunchTests {
  /// Variables of MindSpore's scheduler.
  private static func scheduler(port: Int) -> [String: String] {
    [
      "MS_ROLE": "MS_SCHED", "MS_WORKER_NUM": "2", "MS_SCHED_HOST": "127.0.0.1",
      "MS_SCHED_PORT": "\(port)", "RANK_ID": "0",
    ]
  }

  /// Variables of two processes as Kubeflow sets them.
  private static func pyTorchJob(port: Int) -> [[String: String]] {
    (0..<2).map { rank in
      [
        "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_PORT": "\(port)",
        "MASTER_ADDR": rank == 0 ? "localhost" : "127.0.0.1", "PYTHONUNBUFFERED": "0",
      ]
    }
  }

  /// Variables of two processes for each launcher, and those of its own server if it has one.
  private static func launchers(_ folder: String) throws -> [(name: String, [[String: String]])] {
    func pair(_ body: (Int) -> [String: String]) -> [[String: String]] { (0..<2).map(body) }
    let table = [
      "RANK_TABLE_FILE": folder + "/table.json", "MASTER_PORT": "\(try LocalPort.free())",
    ]
    let scheduler = scheduler(port: try LocalPort.free())
    return [
      (
        "srun",
        pair { rank in
          [
            "SLURM_STEP_ID": "0", "SLURM_JOB_ID": "\(getpid())", "SLURM_PROCID": "\(rank)",
            "SLURM_STEP_NUM_TASKS": "2", "SLURM_LOCALID": "\(rank)",
            "SLURM_STEP_NODELIST": "localhost",
          ]
        }
      ),
      ("kubeflow", pyTorchJob(port: try LocalPort.free())),
      (
        "msrun",
        pair { scheduler.merging(["MS_ROLE": "MS_WORKER", "MS_NODE_ID": "\($0)"]) { $1 } }
          + [scheduler]
      ),
      ("table", pair { table.merging(["RANK_ID": "\($0)", "DEVICE_ID": "0"]) { $1 } }),
    ]
  }

  @Test func startsPairsByEnvironmentAlone() throws {
    try withParallelFolder { folder in
      try AtomicFile.write(
        """
        {"version": "1.0", "server_count": "2", "server_list": [
          {"server_id": "127.0.0.1", "device": [{"device_id": "0", "rank_id": "0"}]},
          {"server_id": "127.0.0.2", "device": [{"device_id": "0", "rank_id": "1"}]}],
         "status": "completed"}
        """, to: folder.path + "/table.json")
      for (name, environments) in try LaunchTests.launchers(folder.path) {
        let results = try dits(
          ParallelFolder.model + [
            "--train-batch-size", "2", "--max-steps", "2", "--output-path", name,
            "--use-parallel",
          ], in: folder.path, environments: environments)
        for result in results { #expect(result.status == 0, "\(name): \(result.errors)") }
        #expect(results[0].errors.contains("16 images, 2 classes, 4 a step"), "\(name)")
        #expect(results[0].output == "\(name)/checkpoints/latest\n")
        #expect(results.dropFirst().allSatisfy { $0.output.isEmpty && $0.errors.isEmpty })
        #expect(try folder.losses(name).count == 2)
      }
    }
  }

  /// Rank 0 serves the store at which the others wait.
  @Test(arguments: [0, 1]) func tellsOthersWhyAProcessDoesNotCome(_ rank: Int) throws {
    try withParallelFolder { folder in
      let results = try dits(
        ParallelFolder.model + ["--output-path", "run"], in: folder.path,
        environments: LaunchTests.pyTorchJob(port: try LocalPort.free()),
        more: [rank: ["--threads", "0"]])
      let (left, other) = (results[rank], results[1 - rank])
      let reason = "--threads 0: must be from 1 to 1024"
      #expect(left.status == 64 && left.errors.contains(reason))
      #expect(other.status == 1)
      #expect(
        other.errors == "Error: rank \(rank) on \(HostName.current): \(reason)\n",
        "\(other.errors)")
    }
  }

  @Test func refusesRanksWithOtherOptions() throws {
    try withParallelFolder { folder in
      let results = try dits(
        ParallelFolder.model + ["--output-path", "run"], in: folder.path,
        environments: LaunchTests.pyTorchJob(port: try LocalPort.free()),
        more: [1: ["--start-learning-rate", "0.01", "--num-parallel-workers", "1"]])
      let reason =
        "rank 1 has other options than rank 0 (start_learning_rate: 0.0001 -> 0.01): start all with"
        + " the same"
      #expect(results[1].status == 64 && results[1].errors.contains(reason))
      #expect(results[0].status == 1 && results[0].errors.contains(reason))
    }
  }

  @Test func schedulerStopsOnASignal() throws {
    try withParallelFolder { folder in
      let port = try LocalPort.free()
      let result = try dit(
        ParallelFolder.model, in: folder.path, environment: LaunchTests.scheduler(port: port)
      ) { process in
        while !LocalPort.isOpen(port), process.isRunning { usleep(10_000) }
        kill(process.processIdentifier, SIGTERM)
      }
      #expect(result.status == 143)
      #expect(result.errors == "Stopped.\n")
    }
  }

  @Test func schedulerServesRanksThatWorkAfterASignal() throws {
    try withParallelFolder { folder in
      let scheduler = LaunchTests.scheduler(port: try LocalPort.free())
      let workers = (0..<2).map { rank in
        scheduler.merging(["MS_ROLE": "MS_WORKER", "MS_NODE_ID": "\(rank)"]) { $1 }
      }
      let results = try dits(
        ParallelFolder.model + [
          "--train-batch-size", "2", "--max-steps", "1000000", "--output-path", "run",
        ], in: folder.path, environments: workers + [scheduler]
      ) { processes in
        let isRunning = { processes.allSatisfy(\.isRunning) }
        while (try? folder.losses("run").count) ?? 0 < 1, isRunning() { usleep(10_000) }
        kill(processes[2].processIdentifier, SIGTERM)
        // A rank asks the store twice a second.
        let count = try folder.losses("run").count
        sleep(2)
        #expect(processes.map(\.isRunning) == [true, true, true])
        #expect(try folder.losses("run").count > count)
        kill(processes[0].processIdentifier, SIGINT)
      }
      #expect(results[0].status == 130, "\(results[0].errors)")
      #expect(results[0].errors.contains("Saved step "))
      #expect(results[1].status == 143, "\(results[1].errors)")
      #expect(results[2].status == 143, "\(results[2].errors)")
      #expect(results[2].errors.contains("until all ranks are done"), "\(results[2].errors)")
    }
  }

  @Test func schedulerDoesNotWaitForever() throws {
    try withParallelFolder { folder in
      let result = try dit(
        ParallelFolder.model + ["--timeout", "1"], in: folder.path,
        environment: LaunchTests.scheduler(port: try LocalPort.free()))
      #expect(result.status == 1)
      #expect(result.errors.contains("none of the 2 ranks has given a sign of life"))
    }
  }

  @Test func refusesVariablesThatDoNotFit() throws {
    try withParallelFolder { folder in
      func expectRefusal(
        _ environment: [String: String], with more: [String] = [], _ hint: String
      ) throws {
        let result = try dit(
          ParallelFolder.model + ["--output-path", "run"] + more, in: folder.path,
          environment: environment)
        #expect(result.status == 64)
        #expect(result.errors.contains(hint), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/run"))
      }
      try expectRefusal(["RANK": "1"], "WORLD_SIZE is missing")
      let pair = ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"]
      try expectRefusal(pair, "MASTER_ADDR")
      let local = pair.merging(["OMPI_COMM_WORLD_LOCAL_SIZE": "2"]) { $1 }
      try expectRefusal(local, with: ["--workers", "2"], "mpirun has started 2 processes")
      let torch = ["RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"]
      try expectRefusal(local.merging(torch) { $1 }, "contradict each other")
    }
  }

  @Test(arguments: [
    ["RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "no-host.invalid", "MASTER_PORT": "29500"],
    ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "no-host.invalid", "MASTER_PORT": "0"],
    [
      "MS_ROLE": "MS_WORKER", "MS_WORKER_NUM": "2", "MS_SCHED_HOST": "no-host.invalid",
      "MS_SCHED_PORT": "8118", "MS_NODE_ID": "0",
    ],
    [
      "SLURM_STEP_ID": "0", "SLURM_JOB_ID": "1", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2",
      "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NODELIST": "no-host.invalid,b",
    ],
  ]) func saysThatTheHostOfRankZeroIsUnknown(_ environment: [String: String]) throws {
    try withParallelFolder { folder in
      var environment = environment
      if environment["MASTER_PORT"] == "0" {
        environment["MASTER_PORT"] = "\(try LocalPort.free())"
      }
      let result = try dit(
        ParallelFolder.model + ["--output-path", "run", "--timeout", "600"], in: folder.path,
        environment: environment)
      #expect(result.status == 1)
      let variable = try #require(environment.first { $0.value.hasPrefix("no-host") }).key
      #expect(
        result.errors.hasPrefix(
          "Error: \(variable): this machine knows no address of 'no-host.invalid'"),
        "\(result.errors)")
      #expect(!Folder.exists(folder.path + "/run"))
    }
  }

  @Test func worksAloneWhereNothingElseIsSaid() throws {
    try withParallelFolder { folder in
      let run = ["--train-batch-size", "2", "--max-steps", "1", "--output-path"]
      let alone = try folder.train(run + ["alone", "--use-parallel", "True"])
      #expect(alone.status == 0, "\(alone.errors)")
      #expect(alone.errors.contains("no launcher has started several processes"))
      let apart = try dit(
        ParallelFolder.model + run + ["apart", "--use-parallel", "False"], in: folder.path,
        environment: [
          "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2",
          "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        ])
      #expect(apart.status == 0, "\(apart.errors)")
      #expect(apart.errors.contains("works alone, though mpirun has started 2"))
    }
  }
}
