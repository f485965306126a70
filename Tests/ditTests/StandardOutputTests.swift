internal import Foundation
internal import TestSupport
internal import Testing

/// Standard output that is full, closed, or read no further.
@Suite struct StandardOutputTests {
  /// Runs `dit` by a shell that changes standard output.
  private func run(
    _ arguments: [String], _ change: String, in folder: String? = nil
  ) throws -> ProgramResult {
    try dit(arguments, in: folder, by: ["/bin/sh", "-c", "\"$0\" \"$@\" \(change)"])
  }

  /// Each command that prints its result at once.
  static let commands = [
    ["inspect", golden("dit-even.safetensors")],
    ["inspect", "--json", golden("dit-even.safetensors")],
    ["cli-docs"], ["--help"], ["--version"], ["help", "train"], ["sample", "--help"],
    ["--generate-completion-script", "bash"], ["doctor", "--json", "--device", "cpu"],
    [
      "benchmark", "train", "--model-name", "DiT-S/8", "--image-size", "64", "--batch-size", "1",
      "--steps", "1", "--json",
    ],
  ]

  @Test(arguments: commands) func failsIfItIsFull(_ command: [String]) throws {
    let whole = try dit(command)
    try #require(whole.status == 0, "\(whole.errors)")
    #expect(!whole.output.isEmpty)
    let full = try run(command, ">/dev/full")
    #expect(full.status == 1, "\(command)")
    #expect(full.errors.contains("Error: cannot write to standard output: No space left on device"))
  }

  @Test(arguments: [">&-", ">&- <&-", "</dev/null >&-"])
  func failsIfItIsClosed(_ change: String) throws {
    let closed = try run(["inspect", golden("dit-even.safetensors")], change)
    #expect(closed.status == 1 && closed.errors.contains("Bad file descriptor"))
  }

  @Test func writesTheFilesOfARunAllTheSame() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let arguments =
        ["train", "--data-path", "images"] + tinyModel + [
          "--max-steps", "2", "--output-path", "run",
        ]
      // The first file that is opened must not take the place of standard output.
      let closed = try run(arguments, ">&-", in: folder)
      #expect(closed.status == 1, "\(closed.errors)")
      let metrics = try String(contentsOfFile: folder + "/run/metrics.jsonl", encoding: .utf8)
      #expect(metrics.split(separator: "\n").count == 2)
      #expect(metrics.split(separator: "\n").allSatisfy { $0.hasPrefix("{") && $0.hasSuffix("}") })
      #expect(try !weights(folder + "/run").isEmpty)
    }
  }

  @Test func endsQuietlyIfNobodyReadsOn() throws {
    for change in ["| true", "| head -1 >/dev/null"] {
      for trap in ["", "trap '' PIPE; "] {
        let result = try dit(
          ["cli-docs"], by: ["/bin/sh", "-c", "\(trap)\"$0\" \"$@\" \(change)"])
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      }
    }
  }

  @Test func standsAFullOrClosedStandardError() throws {
    for change in ["2>/dev/full", "2>&-"] {
      let good = try run(["inspect", golden("dit-even.safetensors")], change)
      #expect(good.status == 0 && good.output.contains("DiT"))
      #expect(try run(["inspect", "missing"], change).status == 1)
      #expect(try run(["inspect", "--nothing"], change).status == 64)
    }
  }
}
