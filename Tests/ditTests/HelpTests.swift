internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct HelpTests {
  @Test(arguments: [
    [], ["sample"], ["train"], ["train-autoencoder"], ["encode"], ["convert"], ["inspect"],
    ["doctor"], ["benchmark", "sample"], ["benchmark", "encode"], ["benchmark", "decode"],
    ["benchmark", "train"], ["benchmark", "data"], ["benchmark", "metrics"],
  ]) func keepsExamplesInOnePiece(_ command: [String]) throws {
    func examples(_ columns: String) throws -> [Substring] {
      let result = try dit(command + ["--help"], environment: ["COLUMNS": columns])
      #expect(result.status == 0)
      let introduction = result.output.split(separator: "USAGE:", maxSplits: 1)[0]
      return introduction.split(separator: "\n").filter { $0.hasPrefix("  ") }
    }
    let (narrow, wide) = (try examples("80"), try examples("500"))
    #expect(!wide.isEmpty)
    #expect(narrow == wide)
  }

  @Test func listsThePrecisionsThatACommandTakes() throws {
    func help(_ command: [String]) throws -> String {
      try dit(command + ["--help"], environment: ["COLUMNS": "500"]).output
    }
    for command in [["train"], ["benchmark", "train"]] {
      let text = try help(command)
      #expect(text.contains("(values: auto, fp32, bf16, fp16; default: auto)"), "\(text)")
      #expect(!text.contains("int8") && !text.contains("fp8"))
      let refused = try dit(command + ["--precision", "int8"])
      #expect(refused.status == 64)
      #expect(
        refused.errors.contains("--precision int8: training knows fp32, bf16 and fp16"),
        "\(refused.errors)")
    }
    for command in [["sample"], ["benchmark", "sample"]] {
      let values = "(values: auto, fp32, bf16, fp16, int8, fp8; default: auto)"
      #expect(try help(command).contains(values))
    }
  }

  /// The tool that makes the manual pages drops other characters.
  @Test func helpIsASCII() throws {
    let others = try dit(["cli-docs"]).output.filter { !$0.isASCII }
    #expect(others.isEmpty, "\(others)")
  }

  @Test func matchesTheReference() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let document = try String(contentsOf: root.appending(path: "docs/CLI.md"), encoding: .utf8)
    let result = try dit(["cli-docs"])
    #expect(result.status == 0)
    let (expected, found) = (result.output.split(separator: "\n"), document.split(separator: "\n"))
    let changes = expected.difference(from: found)
    #expect(changes.isEmpty, "docs/CLI.md is not what --help says: run `make cli-docs`. \(changes)")
    for command in [["sample"], ["train"], ["benchmark", "sample"]] {
      #expect(document.contains("\n## dit \(command.joined(separator: " "))\n"))
    }
  }

  @Test func saysItsVersion() throws {
    let result = try dit(["--version"])
    #expect(result.status == 0)
    let lines = result.output.split(separator: "\n")
    let words = lines.map { $0.split(separator: " ", maxSplits: 1) }
    #expect(words.map(\.first) == ["dit", "build", "libtorch", "processor"])
    let version = try #require(words.first?.last)
    #expect(version.wholeMatch(of: /\d+\.\d+\.\d+(-dev)?/) != nil)
    #expect(words[1][1].contains(Processor.hasOwnKernels ? "own kernels" : "operators alone"))
    #expect(words[2][1].trimmingCharacters(in: .whitespaces).hasPrefix(LibTorch.loadedVersion))
    for feature in Processor.features { #expect(words[3][1].contains(feature)) }
    #expect(try dit(["--help"]).output.contains("version \(version)"))
  }

  @Test func completesFilesAndNames() throws {
    let script = try dit(["--generate-completion-script", "bash"]).output
    let lines = script.split(separator: "\n")
    let option = try #require(lines.firstIndex { $0.contains("'--dit-checkpoint'") })
    let next = lines[option...].prefix(6).joined(separator: "\n")
    #expect(next.contains("-f"), "\(next)")
    #expect(script.contains("unipc"))
  }
}
