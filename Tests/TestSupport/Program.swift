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
///   - started: called with the running process, to send it signals.
/// - Returns: what it left.
/// - Throws: if it cannot be started; what `started` throws.
public func dit(
  _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:],
  started: (Process) throws -> Void = { _ in }
) throws -> ProgramResult {
  slots.wait()
  defer { slots.signal() }
  let process = Process()
  process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "dit")
  process.arguments = arguments
  if let folder { process.currentDirectoryURL = URL(filePath: folder) }
  process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1"]) { $1 }
    .merging(environment) { $1 }
  let scratch = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: scratch) }
  // Files, not pipes: a full pipe would stop the program.
  let files = try ["output", "errors"].map { name in
    let file = scratch.appending(path: name)
    try Data().write(to: file)
    return (file, try FileHandle(forWritingTo: file))
  }
  process.standardOutput = files[0].1
  process.standardError = files[1].1
  process.standardInput = FileHandle.nullDevice
  try process.run()
  try started(process)
  process.waitUntilExit()
  let texts = try files.map { String(decoding: try Data(contentsOf: $0.0), as: UTF8.self) }
  let base: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
  return ProgramResult(
    status: base + process.terminationStatus, output: texts[0], errors: texts[1])
}
