internal import Foundation
internal import TestSupport
internal import Testing

/// The examples of docs/SERVER.md, run by a script against the program.
@Suite struct ServerExamplesTests {
  @Test func run() throws {
    let script = URL(filePath: golden("")).appending(path: "../../scripts/check-server-examples")
    let result = try dit([], by: ["/usr/bin/env", "python3", script.standardized.path])
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    // What was left out, because the machine lacks it.
    if !result.errors.isEmpty { print(result.errors) }
  }
}
