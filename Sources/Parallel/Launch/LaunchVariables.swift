/// Detects the launcher of a distributed job from environment variables.
///
/// Launchers: `torchrun` and anything else that sets `RANK` and `WORLD_SIZE` (Kubeflow's PyTorchJob),
/// `mpirun` of Open MPI, MPICH and Intel MPI, MindSpore's `msrun`, Slurm's `srun`, HCCL rank tables.
public struct LaunchVariables {
  let environment: [String: String]
  /// This machine's addresses.
  let ownAddresses: Set<String>

  /// Reads an environment.
  ///
  /// - Parameters:
  ///   - environment: variables by name; empty ones count as missing.
  ///   - ownAddresses: this machine's addresses, to find it in a rank table.
  public init(_ environment: [String: String], ownAddresses: Set<String> = Network.ownAddresses) {
    self.environment = environment.filter { !$0.value.isEmpty }
    self.ownAddresses = ownAddresses
  }

  /// A launcher's view, and the variables behind it.
  private struct Finding {
    var process: LaunchedProcess
    let variables: [String]
  }

  /// The process of a finding, with the variables behind it.
  private func told(_ finding: Finding) -> LaunchedProcess {
    var process = finding.process
    process.variables = finding.variables.compactMap { name in
      environment[name].map { LaunchedProcess.Variable(name: name, value: $0) }
    }
    return process
  }

  /// This process's place in the job.
  ///
  /// - Parameter rankTable: path of a rank table; nil for that of the environment.
  /// - Returns: nil without a launcher.
  /// - Throws: `LaunchError` that names missing, wrong or contradicting variables; `FileError` for an
  ///   unreadable rank table.
  public func process(rankTable: String? = nil) throws -> LaunchedProcess? {
    if let rankTable, let role = environment["MS_ROLE"] {
      throw LaunchError(
        "the rank table '\(rankTable)' and MS_ROLE=\(role) contradict each other: msrun numbers the"
          + " processes itself; give no rank table, or unset MS_ROLE")
    }
    let torch = try torch()
    // The innermost launcher wins: srun or mpirun may start torchrun or msrun on each machine.
    if rankTable == nil {
      if let torch, environment["TORCHELASTIC_RUN_ID"] != nil { return told(torch) }
      if let mindSpore = try mindSpore() { return mindSpore }
    }
    let openMPI = try openMPI()
    // mpirun may itself have been started by srun, which may also speak MPICH's protocol.
    let slurm = openMPI == nil ? try slurm() : nil
    let mpich = openMPI == nil ? try mpich(beside: slurm) : nil
    let mpi = openMPI ?? mpich
    let findings = [torch, try table(rankTable), mpi, mpich == nil ? slurm : nil]
      .compactMap { $0 }
    guard let first = findings.first else { return nil }
    for other in findings.dropFirst()
    where (other.process.rank, other.process.worldSize) != (
      first.process.rank, first.process.worldSize
    ) {
      let lists = [first, other].map { finding in
        finding.process.launcher + " ("
          + told(finding).variables.map { "\($0.name)=\($0.value)" }.joined(separator: ", ") + ")"
      }
      throw LaunchError(
        "\(lists[0]) and \(lists[1]) contradict each other; unset the variables of one of them")
    }
    var process = told(first)
    // Scripts often copy only RANK and WORLD_SIZE from the launcher's own variables.
    if torch != nil, !has("LOCAL_RANK"), let other = findings.dropFirst().first {
      process.localRank = other.process.localRank
    }
    return process
  }

  /// `RANK` and `WORLD_SIZE`, as torchrun sets them.
  private func torch() throws -> Finding? {
    guard has("RANK") || has("WORLD_SIZE") else { return nil }
    let (rank, count) = try rankAndCount("RANK", "WORLD_SIZE")
    let address = count == 1 ? Network.loopback : try text("MASTER_ADDR", beside: "RANK")
    let port = count == 1 ? 0 : try port("MASTER_PORT", beside: "RANK")
    var process = LaunchedProcess(
      launcher: has("TORCHELASTIC_RUN_ID") ? "torchrun" : "RANK and WORLD_SIZE", rank: rank,
      worldSize: count, localRank: try number("LOCAL_RANK") ?? 0, storeHost: address,
      storePort: port, servesStore: rank == 0)
    if environment["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true" {
      process.servesStore = false
      process.isStoreApart = true
      process.storePrefix = "dit/attempt_\(environment["TORCHELASTIC_RESTART_COUNT"] ?? "0")"
    }
    return Finding(process: process, variables: ["RANK", "WORLD_SIZE"])
  }

  private func openMPI() throws -> Finding? {
    let names = ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"]
    guard names.contains(where: has) else { return nil }
    let (rank, count) = try rankAndCount(names[0], names[1])
    let address = try mpirunHost(
      count, localCount: number("OMPI_COMM_WORLD_LOCAL_SIZE"), option: "-x MASTER_ADDR=HOST")
    return Finding(
      process: LaunchedProcess(
        launcher: "mpirun", rank: rank, worldSize: count,
        localRank: try number("OMPI_COMM_WORLD_LOCAL_RANK") ?? 0, storeHost: address,
        storePort: try chosenPort(of: "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"),
        servesStore: rank == 0), variables: names)
  }

  /// The host of rank 0: as given, or this one if it has all processes.
  ///
  /// - Parameters:
  ///   - count: the number of processes.
  ///   - localCount: of those on this machine; nil if it is not known.
  ///   - option: gives the host to all processes, for the message.
  /// - Returns: its name or address.
  /// - Throws: `LaunchError` if it is missing.
  private func mpirunHost(_ count: Int, localCount: Int?, option: String) throws -> String {
    if let given = environment["MASTER_ADDR"] { return given }
    guard localCount == count else {
      throw LaunchError(
        "mpirun has started \(count) processes on several machines, and MASTER_ADDR is missing: add"
          + " \(option) with the host of rank 0")
    }
    return Network.loopback
  }

  /// MPICH's process manager Hydra, which Intel MPI has too, and others with its protocol PMI.
  ///
  /// - Parameter slurm: a step of Slurm, which sets these variables itself under `--mpi=pmi2`.
  /// - Returns: nil without these variables, and if Slurm says the same.
  /// - Throws: `LaunchError`.
  private func mpich(beside slurm: Finding?) throws -> Finding? {
    let names = ["PMI_RANK", "PMI_SIZE"]
    guard names.contains(where: has) else { return nil }
    let (rank, count) = try rankAndCount(names[0], names[1])
    if let slurm, (slurm.process.rank, slurm.process.worldSize) == (rank, count) { return nil }
    let localCount = try number("MPI_LOCALNRANKS") ?? number("PMI_LOCAL_SIZE")
    let address = try mpirunHost(
      count, localCount: count == 1 ? count : localCount, option: "-genv MASTER_ADDR HOST")
    return Finding(
      process: LaunchedProcess(
        launcher: "mpirun", rank: rank, worldSize: count,
        localRank: try number("MPI_LOCALRANKID") ?? number("PMI_LOCAL_RANK") ?? 0,
        storeHost: address, storePort: try chosenPort(of: "PMI_JOBID"),
        servesStore: rank == 0), variables: names)
  }

  /// A step of Slurm's `srun`, not the batch script around it.
  private func slurm() throws -> Finding? {
    guard has("SLURM_STEP_ID"), has("SLURM_PROCID") else { return nil }
    let size = has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS"
    let (rank, count) = try rankAndCount("SLURM_PROCID", size)
    let isOneMachine = try number("SLURM_STEP_NUM_NODES") ?? number("SLURM_NNODES") == 1
    let lists = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"]
    let list = lists.first(where: has)
    let node = list.flatMap { environment[$0] }.flatMap { SlurmNodeList.firstNode(of: $0) }
    let known = environment["MASTER_ADDR"] ?? (isOneMachine || count == 1 ? Network.loopback : node)
    guard let address = known else {
      throw LaunchError(
        "SLURM_PROCID=\(rank) is set, but neither SLURM_STEP_NODELIST nor MASTER_ADDR says where rank"
          + " 0 is; set MASTER_ADDR")
    }
    var process = LaunchedProcess(
      launcher: "srun", rank: rank, worldSize: count, localRank: try number("SLURM_LOCALID") ?? 0,
      storeHost: address, storePort: try chosenPort(of: "SLURM_JOB_ID", "SLURM_STEP_ID"),
      servesStore: rank == 0)
    if !has("MASTER_ADDR"), let list { process.hostSource = list }
    return Finding(process: process, variables: ["SLURM_PROCID", size])
  }

  /// MindSpore's cluster: workers, and a scheduler that serves the store.
  private func mindSpore() throws -> LaunchedProcess? {
    guard let role = environment["MS_ROLE"] else { return nil }
    let count = try positive("MS_WORKER_NUM", beside: "MS_ROLE")
    var process = LaunchedProcess(
      launcher: "msrun", rank: nil, worldSize: count, localRank: try number("DEVICE_ID") ?? 0,
      storeHost: try text("MS_SCHED_HOST", beside: "MS_ROLE"),
      storePort: try port("MS_SCHED_PORT", beside: "MS_ROLE"), servesStore: role == "MS_SCHED")
    process.isStoreApart = true
    process.hostSource = "MS_SCHED_HOST"
    switch role {
    case "MS_SCHED": process.isScheduler = true
    case "MS_WORKER":
      // Without a number in MS_NODE_ID, RANK_ID is the scheduler's, passed on by msrun.
      let isNumbered = Int(environment["MS_NODE_ID"] ?? "") != nil
      process.rank = isNumbered ? try number("MS_NODE_ID", below: count) : nil
    default:
      throw LaunchError("MS_ROLE=\(role): known are MS_WORKER and MS_SCHED")
    }
    return told(
      Finding(process: process, variables: ["MS_ROLE", "MS_WORKER_NUM", "MS_NODE_ID"]))
  }

  /// A rank table, with the variables that select one of its devices.
  private func table(_ option: String?) throws -> Finding? {
    guard let path = option ?? environment["RANK_TABLE_FILE"] else { return nil }
    let table = try RankTable(path)
    let rank = try table.rank(
      given: try number("RANK_ID"), device: environment["DEVICE_ID"], ownAddresses: ownAddresses)
    let entry = table.devices[rank]
    let isOneMachine = table.serverCount == 1
    var process = LaunchedProcess(
      launcher: "'\(path)'", rank: rank, worldSize: table.devices.count,
      localRank: entry.localRank,
      storeHost: environment["MASTER_ADDR"]
        ?? (isOneMachine ? Network.loopback : table.devices[0].host),
      storePort: has("MASTER_PORT")
        ? try port("MASTER_PORT", beside: "RANK_TABLE_FILE") : LaunchedProcess.defaultPort,
      servesStore: rank == 0)
    if !has("MASTER_ADDR") { process.hostSource = "the rank table '\(path)'" }
    return Finding(
      process: process,
      variables: (option == nil ? ["RANK_TABLE_FILE"] : []) + ["RANK_ID", "DEVICE_ID"])
  }
}

extension LaunchVariables {
  private func has(_ name: String) -> Bool { environment[name] != nil }

  private func text(_ name: String, beside other: String) throws -> String {
    guard let text = environment[name] else {
      throw LaunchError(
        "\(other)=\(environment[other] ?? "") is set, but \(name) is missing; set both or neither")
    }
    return text
  }

  private func number(_ name: String, below limit: Int = .max) throws -> Int? {
    guard let text = environment[name] else { return nil }
    guard let number = Int(text), (0..<limit).contains(number) else {
      let range = limit == .max ? "0 or above" : "from 0 to \(limit - 1)"
      throw LaunchError("\(name)=\(text): must be a number \(range)")
    }
    return number
  }

  private func positive(_ name: String, beside other: String) throws -> Int {
    let text = try text(name, beside: other)
    guard let number = Int(text), number > 0 else {
      throw LaunchError("\(name)=\(text): must be a number above 0")
    }
    return number
  }

  private func rankAndCount(_ rank: String, _ count: String) throws -> (Int, Int) {
    let present = has(rank) ? rank : count
    let size = try positive(count, beside: present)
    _ = try text(rank, beside: present)
    return (try number(rank, below: size) ?? 0, size)
  }

  private func port(_ name: String, beside other: String) throws -> Int {
    let text = try text(name, beside: other)
    guard let port = Int(text), (1...65535).contains(port) else {
      throw LaunchError("\(name)=\(text): must be a port from 1 to 65535")
    }
    return port
  }

  /// `MASTER_PORT`, or a port derived from variables that identify the job.
  private func chosenPort(of names: String...) throws -> Int {
    if has("MASTER_PORT") { return try port("MASTER_PORT", beside: names[0]) }
    let job = names.compactMap { environment[$0] }.joined(separator: "/")
    // FNV-1a, mapped below the range of ephemeral ports.
    let hash = job.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return 20_000 + Int(hash % 10_000)
  }
}
