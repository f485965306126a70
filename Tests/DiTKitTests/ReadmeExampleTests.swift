internal import DiTKit
internal import Foundation
internal import TestSupport
internal import Testing

@Suite struct ReadmeExampleTests {
  /// The example of README.md, line by line.
  @Test func makesAnImage() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/face.png"
      let pipeline = try LatentDiffusionPipeline(PipelineConfig())
      let labels = try pipeline.classNames.labels(from: "face")
      let options = SamplingOptions(sampler: .ddim, stepCount: 5)
      let generator = try pipeline.makeGenerator(seed: 42)
      for step in try pipeline.denoising(labels: labels, options: options, generator: generator) {
        print("step \(step.index + 1) of \(step.count)")
        guard step.isLast, let image = try pipeline.decode(step.latents).first else { continue }
        try Data(image.png()).write(to: URL(filePath: path))
      }
      #expect(try Data(contentsOf: URL(filePath: path)).starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }
  }

  @Test func standsInTheReadme() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
    let blocks = readme.components(separatedBy: "```swift\n").dropFirst()
      .compactMap { $0.components(separatedBy: "```").first }
    let lines = blocks.joined().split(separator: "\n").map { $0.drop { $0 == " " } }
      .filter { !$0.hasPrefix("import") && !$0.hasPrefix("let path") }
    #expect(lines.count >= 8)
    let known = Set(source.split(separator: "\n").map { $0.drop { $0 == " " } })
    for line in lines { #expect(known.contains(line), "\(line)") }
  }
}
