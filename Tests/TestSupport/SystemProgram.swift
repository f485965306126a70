internal import Foundation

/// Whether this account may mount a small disk, for tests of a full one.
public let mayMountDisks =
  (try? withTemporaryFolder { folder in
    let options = ["-t", "tmpfs", "-o", "size=16k", "tmpfs", folder]
    guard try runSystemProgram("/bin/mount", options) == 0 else { return false }
    return try runSystemProgram("/bin/umount", [folder]) == 0
  }) ?? false

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
