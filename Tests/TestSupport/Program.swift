internal import Dispatch
public import Foundation

/// What a run of a program left.
public struct ProgramResult: Sendable {
  /// 0 for success; 128 and the number for a signal that ended it.
  public let status: Int32
  /// What it wrote to standard output.
  public let output: String
  /// What it wrote to standard error.
  public let errors: String
}

/// As many programs run at a time as a small machine has cores; each takes one thread.
private let slots = DispatchSemaphore(value: 2)

/// Runs `dit`, as built beside the tests.
///
/// - Parameters:
///   - arguments: its arguments.
///   - folder: where it runs.
///   - environment: variables beside those of the tests.
///   - launcher: a program that becomes `dit`, and its arguments; none starts `dit` itself.
///   - started: called with the running process, to send it signals.
/// - Returns: what it left.
/// - Throws: if it cannot be started; what `started` throws.
public func dit(
  _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:],
  by launcher: [String] = [], started: (Process) throws -> Void = { _ in }
) throws -> ProgramResult {
  slots.wait()
  defer { slots.signal() }
  let run = try ProgramRun(arguments, folder, environment, by: launcher)
  try started(run.process)
  return try run.finish()
}

/// Runs `dit` several times at once, with the same arguments in different environments.
///
/// - Parameters:
///   - arguments: for each of them.
///   - folder: where they run.
///   - environments: variables beside those of the tests, one set for each.
///   - more: further arguments for some of them, by their place.
///   - started: called with the running processes, to send them signals.
/// - Returns: what they left, in the order of the environments.
/// - Throws: if one cannot be started; what `started` throws.
public func dits(
  _ arguments: [String], in folder: String, environments: [[String: String]],
  more: [Int: [String]] = [:], started: ([Process]) throws -> Void = { _ in }
) throws -> [ProgramResult] {
  slots.wait()
  defer { slots.signal() }
  let runs = try environments.enumerated().map { place, environment in
    try ProgramRun(arguments + (more[place] ?? []), folder, environment)
  }
  try started(runs.map(\.process))
  return try runs.map { try $0.finish() }
}

/// A running program whose output goes to files, not to pipes: a full pipe would stop it.
private struct ProgramRun {
  let process = Process()
  private let scratch: URL

  init(
    _ arguments: [String], _ folder: String?, _ environment: [String: String],
    by launcher: [String] = []
  ) throws {
    let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "dit").path
    let words = launcher + [program] + arguments
    process.executableURL = URL(filePath: words[0])
    process.arguments = Array(words.dropFirst())
    if let folder { process.currentDirectoryURL = URL(filePath: folder) }
    // The tests' own spin count is no choice of the user.
    process.environment = ProcessInfo.processInfo.environment
      .filter { $0.key != "GOMP_SPINCOUNT" }.merging(["OMP_NUM_THREADS": "1"]) { $1 }.merging(
        environment
      ) { $1 }
    scratch = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    let files = try ["output", "errors"].map { name in
      let file = scratch.appending(path: name)
      try Data().write(to: file)
      return try FileHandle(forWritingTo: file)
    }
    process.standardOutput = files[0]
    process.standardError = files[1]
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  func finish() throws -> ProgramResult {
    process.waitUntilExit()
    defer { try? FileManager.default.removeItem(at: scratch) }
    let texts = try ["output", "errors"].map { name in
      String(decoding: try Data(contentsOf: scratch.appending(path: name)), as: UTF8.self)
    }
    let base: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
    return ProgramResult(
      status: base + process.terminationStatus, output: texts[0], errors: texts[1])
  }
}
