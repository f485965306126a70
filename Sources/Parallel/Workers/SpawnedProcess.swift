internal import Foundation

/// A child process whose output comes back through pipes.
struct SpawnedProcess {
  /// Process id.
  let identifier: pid_t
  /// Standard output and standard error.
  var streams: [LineReader]

  /// Starts a program in its own process group, out of reach of the terminal's Ctrl-C.
  ///
  /// - Throws: `LaunchError` if the system refuses.
  init(_ program: String, _ arguments: [String], environment: [String: String]) throws {
    var (actions, attributes) = System.spawnLists()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // The program starts without this thread's blocked signals.
    var mask = sigset_t()
    sigemptyset(&mask)
    posix_spawnattr_setsigmask(&attributes, &mask)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    var pipes: [(read: Int32, write: Int32)] = []
    defer { for pipe in pipes { close(pipe.write) } }
    for target in [STDOUT_FILENO, STDERR_FILENO] {
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { throw SpawnedProcess.failure(program, errno) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      pipes.append((ends[0], ends[1]))
      posix_spawn_file_actions_adddup2(&actions, ends[1], target)
    }
    let words = ([program] + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var identifier = pid_t()
    let status = posix_spawn(&identifier, program, &actions, &attributes, words, variables)
    guard status == 0 else {
      for pipe in pipes { close(pipe.read) }
      throw SpawnedProcess.failure(program, status)
    }
    self.identifier = identifier
    streams = pipes.map { LineReader($0.read) }
  }

  /// How a process ended.
  enum End: Equatable {
    /// The status of `waitpid`.
    case status(Int32)
    /// The system kept no status.
    case unknown
  }

  /// Resets SIGCHLD: if the parent process ignores it, exit statuses are lost.
  static func keepEnds() { _ = signal(SIGCHLD, SIG_DFL) }

  /// How a process ended; nil while it runs. The id may be reused afterwards.
  static func end(of identifier: pid_t) -> End? {
    var status: Int32 = 0
    let found = waitpid(identifier, &status, WNOHANG)
    if found < 0, errno == ECHILD { return .unknown }
    return found > 0 ? .status(status) : nil
  }

  private static func failure(_ program: String, _ number: Int32) -> LaunchError {
    LaunchError("cannot start '\(program)': \(String(cString: strerror(number)))")
  }
}

/// Reads whole lines from a pipe.
struct LineReader {
  /// The pipe; nil after its end.
  private(set) var descriptor: Int32?
  private var rest: [UInt8] = []

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// The lines completed by one read, which blocks until there is data.
  mutating func lines() -> [String] {
    guard let descriptor else { return [] }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0, errno == EINTR || errno == EAGAIN { return [] }
    guard count > 0 else {
      close(descriptor)
      self.descriptor = nil
      defer { rest = [] }
      return rest.isEmpty ? [] : [String(decoding: rest, as: UTF8.self)]
    }
    rest += buffer[..<count]
    var parts = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    rest = Array(parts.removeLast())
    return parts.map { String(decoding: $0, as: UTF8.self) }
  }
}
