internal import Files
internal import Parallel
internal import TestSupport
internal import Testing

@Suite struct LaunchVariablesTests {
  private func process(
    _ environment: [String: String], rankTable: String? = nil,
    ownAddresses: Set<String> = ["10.0.0.2"]
  ) throws -> LaunchedProcess? {
    try LaunchVariables(environment, ownAddresses: ownAddresses).process(rankTable: rankTable)
  }

  private let torchrun = [
    "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29400", "TORCHELASTIC_RUN_ID": "none",
  ]

  @Test func findsNothingWithoutALauncher() throws {
    #expect(try process([:]) == nil)
    #expect(try process(["MASTER_ADDR": "10.0.0.1", "RANK": ""]) == nil)
    // A batch script of Slurm is no step of srun.
    #expect(try process(["SLURM_PROCID": "0", "SLURM_NTASKS": "4"]) == nil)
  }

  @Test func readsTorchrun() throws {
    let found = try #require(try process(torchrun))
    #expect((found.rank, found.worldSize, found.localRank) == (3, 4, 1))
    #expect((found.storeHost, found.storePort, found.servesStore) == ("10.0.0.1", 29400, false))
    let first = try #require(try process(torchrun.merging(["RANK": "0"]) { $1 }))
    #expect(first.servesStore && !first.isStoreApart)
    let agent = ["TORCHELASTIC_USE_AGENT_STORE": "True", "RANK": "0"]
    let served = try #require(try process(torchrun.merging(agent) { $1 }))
    #expect(!served.servesStore && served.isStoreApart)
  }

  @Test func readsOpenMPI() throws {
    let variables = [
      "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
      "OMPI_COMM_WORLD_LOCAL_SIZE": "2", "PMIX_NAMESPACE": "123",
    ]
    let found = try #require(try process(variables))
    #expect((found.rank, found.worldSize, found.localRank) == (1, 2, 1))
    #expect(found.storeHost == "127.0.0.1" && found.storePort >= 20_000)
    let other = try #require(try process(variables.merging(["PMIX_NAMESPACE": "124"]) { $1 }))
    #expect(other.storePort != found.storePort)
    let far = variables.merging(["OMPI_COMM_WORLD_LOCAL_SIZE": "1"]) { $1 }
    expectRefusal(far, naming: "MASTER_ADDR")
    #expect(try process(far.merging(["MASTER_ADDR": "a"]) { $1 })?.storeHost == "a")
    let both = variables.merging(["RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "a"]) { $1 }
    #expect(try process(both.merging(["MASTER_PORT": "29400"]) { $1 })?.localRank == 1)
    #expect(
      try process(both.merging(["MASTER_PORT": "29400", "LOCAL_RANK": "0"]) { $1 })?.localRank == 0)
  }

  @Test(arguments: [
    ("node[003-010,012]", "node003"), ("a,b", "a"), ("gpu-a-[1,3]", "gpu-a-1"),
    ("rack[1-2]n7,x", "rack1n7"), ("one", "one"), ("rack[1-2]node[3-4],x", "rack1node3"),
  ]) func readsSlurm(_ list: String, _ first: String) throws {
    let variables = [
      "SLURM_STEP_ID": "0", "SLURM_JOB_ID": "77", "SLURM_PROCID": "5", "SLURM_NTASKS": "16",
      "SLURM_LOCALID": "1", "SLURM_STEP_NODELIST": list,
    ]
    let found = try #require(try process(variables))
    #expect((found.rank, found.worldSize, found.localRank, found.storeHost) == (5, 16, 1, first))
    #expect(!found.servesStore)
  }

  /// MPICH's Hydra and Intel MPI.
  @Test func readsMPICH() throws {
    let variables = [
      "PMI_RANK": "1", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "4",
      "PMI_FD": "8",
    ]
    let found = try #require(try process(variables))
    #expect((found.rank, found.worldSize, found.localRank) == (1, 4, 1))
    #expect((found.storeHost, found.servesStore, found.launcher) == ("127.0.0.1", false, "mpirun"))
    #expect(found.variables.map { "\($0.name)=\($0.value)" } == ["PMI_RANK=1", "PMI_SIZE=4"])
    let first = try #require(try process(variables.merging(["PMI_RANK": "0"]) { $1 }))
    #expect(first.servesStore && first.storePort == found.storePort)
    let far = variables.merging(["MPI_LOCALNRANKS": "2"]) { $1 }
    expectRefusal(far, naming: "MASTER_ADDR", "-genv")
    let named = far.merging(["MASTER_ADDR": "a", "MASTER_PORT": "29400"]) { $1 }
    #expect(try process(named)?.storeHost == "a" && process(named)?.storePort == 29400)
    #expect(try process(["PMI_RANK": "0", "PMI_SIZE": "1"])?.worldSize == 1)
    expectRefusal(["PMI_RANK": "0"], naming: "PMI_SIZE")
    expectRefusal(["PMI_SIZE": "2"], naming: "PMI_RANK")
    expectRefusal(["PMI_RANK": "2", "PMI_SIZE": "2"], naming: "PMI_RANK=2")
    // Cray's launcher.
    let cray = [
      "PMI_RANK": "1", "PMI_SIZE": "2", "PMI_LOCAL_RANK": "1", "PMI_LOCAL_SIZE": "2",
    ]
    #expect(try process(cray)?.localRank == 1)
  }

  @Test func tellsMPICHFromSlurm() throws {
    let slurm = [
      "SLURM_STEP_ID": "0", "SLURM_JOB_ID": "77", "SLURM_PROCID": "1", "SLURM_NTASKS": "2",
      "SLURM_LOCALID": "0", "SLURM_STEP_NODELIST": "node[1-2]",
    ]
    // srun --mpi=pmi2 sets both.
    let both = slurm.merging(["PMI_RANK": "1", "PMI_SIZE": "2"]) { $1 }
    #expect(try process(both)?.launcher == "srun" && process(both)?.storeHost == "node1")
    // Hydra starts its own processes by srun, one on each machine.
    let inner = slurm.merging(
      ["PMI_RANK": "5", "PMI_SIZE": "8", "MPI_LOCALNRANKS": "4", "MASTER_ADDR": "node1"]) { $1 }
    #expect(try process(inner)?.rank == 5 && process(inner)?.worldSize == 8)
    let contradiction = [
      "RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1", "PMI_RANK": "1",
      "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2",
    ]
    expectRefusal(contradiction, naming: "RANK=0", "PMI_RANK=1")
  }

  @Test func readsMindSpore() throws {
    let variables = [
      "MS_ROLE": "MS_WORKER", "MS_WORKER_NUM": "2", "MS_SCHED_HOST": "10.0.0.1",
      "MS_SCHED_PORT": "8118", "MS_NODE_ID": "1",
    ]
    let worker = try #require(try process(variables))
    #expect((worker.rank, worker.worldSize, worker.servesStore) == (1, 2, false))
    let scheduler = try #require(try process(variables.merging(["MS_ROLE": "MS_SCHED"]) { $1 }))
    #expect(scheduler.isScheduler && scheduler.servesStore)
    let unnumbered = variables.filter { $0.key != "MS_NODE_ID" }
    #expect(try process(unnumbered.merging(["RANK_ID": "0"]) { $1 })?.rank == nil)
    expectRefusal(variables.filter { $0.key != "MS_SCHED_HOST" }, naming: "MS_SCHED_HOST")
    expectRefusal(variables.merging(["MS_ROLE": "MS_SERVER"]) { $1 }, naming: "MS_ROLE=MS_SERVER")
  }

  @Test func refusesWhatIsIncomplete() {
    expectRefusal(["RANK": "0"], naming: "WORLD_SIZE")
    expectRefusal(["WORLD_SIZE": "2"], naming: "RANK")
    expectRefusal(torchrun.filter { $0.key != "MASTER_PORT" }, naming: "MASTER_PORT")
    expectRefusal(torchrun.merging(["RANK": "4"]) { $1 }, naming: "RANK=4: must be a number")
    expectRefusal(torchrun.merging(["MASTER_PORT": "0"]) { $1 }, naming: "MASTER_PORT=0")
    expectRefusal(["OMPI_COMM_WORLD_RANK": "0"], naming: "OMPI_COMM_WORLD_SIZE")
  }

  @Test func refusesWhatContradictsItself() throws {
    var variables = torchrun.filter { $0.key != "TORCHELASTIC_RUN_ID" }
    variables["OMPI_COMM_WORLD_RANK"] = "2"
    variables["OMPI_COMM_WORLD_SIZE"] = "4"
    expectRefusal(variables, naming: "RANK=3", "OMPI_COMM_WORLD_RANK=2")
    variables["OMPI_COMM_WORLD_RANK"] = "3"
    #expect(try process(variables)?.rank == 3)
    // msrun, and torchrun, were started by mpirun: the inner one counts.
    variables["MS_ROLE"] = "MS_WORKER"
    variables["MS_NODE_ID"] = "1"
    variables["MS_WORKER_NUM"] = "8"
    variables["MS_SCHED_HOST"] = "10.0.0.1"
    variables["MS_SCHED_PORT"] = "8118"
    variables["RANK_TABLE_FILE"] = "/absent.json"
    #expect(try process(variables)?.launcher == "msrun")
    #expect(try process(variables)?.rank == 1)
    variables["OMPI_COMM_WORLD_RANK"] = "0"
    variables["TORCHELASTIC_RUN_ID"] = "none"
    #expect(try process(variables)?.rank == 3)
  }

  @Test func refusesARankTableBesideMindSporesOwnNumbers() {
    let variables = [
      "MS_ROLE": "MS_WORKER", "MS_WORKER_NUM": "2", "MS_SCHED_HOST": "10.0.0.1",
      "MS_SCHED_PORT": "8118", "MS_NODE_ID": "1",
    ]
    expectRefusal(
      variables, rankTable: "/absent.json", naming: "the rank table '/absent.json'",
      "MS_ROLE=MS_WORKER")
  }

  private func expectRefusal(
    _ environment: [String: String], rankTable: String? = nil, naming names: String...
  ) {
    let error = #expect(throws: LaunchError.self) {
      try process(environment, rankTable: rankTable)
    }
    for name in names { #expect(error?.message.contains(name) == true, "\(error?.message ?? "")") }
  }
}
