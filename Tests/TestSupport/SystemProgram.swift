internal import Foundation

/// Runs a program of the system, such as mount, without its messages.
///
/// - Parameters:
///   - program: its path.
///   - arguments: its arguments.
/// - Returns: its exit status.
/// - Throws: if it cannot be started.
public func runSystemProgram(_ program: String, _ arguments: [String]) throws -> Int32 {
  let process = Process()
  process.executableURL = URL(filePath: program)
  process.arguments = arguments
  process.standardError = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  return process.terminationStatus
}
