internal import Diffusion
internal import Evaluation
internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import Training

/// Shows three channels of latents.
private struct FirstChannels: Autoencoder {
  let downsamplingFactor = 1
  let latentChannelCount = 4
  let defaultScaleFactor = 1.0
  let hasPosterior = false
  let canEncode = false
  let canDecode = true

  func encode(_ images: Tensor) -> LatentDistribution { LatentDistribution(mean: images) }

  func decode(_ latents: Tensor) -> Tensor { latents.narrowed(axis: 1, start: 0, count: 3) }
}

/// Evaluations of the golden model, whose images have 8 x 8 pixels, against 24 images of two classes.
@Suite struct RunEvaluationTests {
  private let parallel = DataParallel(nil)

  private func write(_ number: Int, of label: String, to folder: String) throws {
    let light = UInt8(100 + 10 * number)
    let color = label == "red" ? [light, 0, 0] : [0, 0, light]
    let image = RGBImage(width: 8, height: 8, pixels: (0..<64).flatMap { _ in color })
    try image.png().withUnsafeBytes {
      try AtomicFile.write(contentsOf: $0, to: "\(folder)/\(label)/\(number).png")
    }
  }

  private func settings(of folder: String) throws -> TrainingSettings.EvaluationSettings {
    for label in ["blue", "red"] {
      try Folder.make("\(folder)/data/\(label)")
      for number in 0..<12 { try write(number, of: label, to: folder + "/data") }
    }
    var settings = TrainingSettings.EvaluationSettings(
      interval: 2, reference: folder + "/data", features: EvaluationNetwork.judgeName)
    settings.sampleCount = 12
    settings.share = 1e-6
    settings.judgeSampleCount = 640
    return settings
  }

  /// A sampler of the golden model; the embeddings of some classes are NaN.
  private func sampler(nanClasses: [Int]) throws -> TrainedSampler {
    let golden = try GoldenValues("dit-even")
    let weights = golden.weights.mapValues(\.cloned)
    let table = try #require(weights["y_embedder.embedding_table.weight"])
    for row in nanClasses { table[row..<row + 1].fillInPlace(.nan) }
    return TrainedSampler(
      try golden.config.model, weights, of: .ddpm(learnsVariance: true),
      codec: LatentCodec(FirstChannels()), device: .cpu)
  }

  private func features(of folder: String) throws -> [String] {
    try Folder.names(in: folder + "/evaluation").filter {
      Folder.exists("\(folder)/evaluation/\($0)")
    }
  }

  @Test func leavesOutWhatIsNotFiniteAndGoesOn() throws {
    try withTemporaryFolder { folder in
      var notes: [String] = []
      func evaluation(
        _ settings: TrainingSettings.EvaluationSettings, shouldStop: () -> Bool = { false }
      ) throws -> RunEvaluation {
        try RunEvaluation(
          settings, classes: [0, 1, 2], imageSize: 8, folder: folder, device: .cpu,
          parallel: parallel, note: { notes.append($0) }, shouldStop: shouldStop)
      }
      let settings = try settings(of: folder)

      // While the judge is trained, and while features are made.
      var count = 0
      _ = #expect(throws: RunEvaluation.Stopped.self) {
        try evaluation(settings) {
          count += 1
          return count == 40
        }
      }
      #expect(count == 40 && !Folder.hasFile(folder + "/evaluation/judge.safetensors"))
      let run = try evaluation(settings)
      count = 0
      _ = #expect(throws: RunEvaluation.Stopped.self) {
        try evaluation(settings) {
          count += 1
          return Folder.hasFile(folder + "/evaluation/judge.safetensors")
        }
      }
      #expect(count == 1)

      // The first evaluation is made in any case, and that of the last step.
      notes = []
      func isDue(_ step: Int, isLast: Bool = false) throws -> Bool {
        try run.isDue(at: step, isLast: isLast, parallel) { notes.append($0) }
      }
      #expect(try !isDue(1) && isDue(2))
      let all = try #require(
        try run.figures(sampler(nanClasses: []), step: 2, parallel) {
          notes.append($0)
        } check: {
        })
      #expect(all.sampleCount == 12 && all[.kid]?.isFinite == true)
      #expect(try !isDue(3) && notes.isEmpty)
      #expect(try !isDue(4) && !isDue(6) && isDue(7, isLast: true))
      #expect(notes.count == 1 && notes[0].contains("step 4: no evaluation"), "\(notes)")

      notes = []
      let some = try #require(
        try run.figures(sampler(nanClasses: [1]), step: 2, parallel) {
          notes.append($0)
        } check: {
        })
      #expect(some.sampleCount == 8 && some[.kid]?.isFinite == true && notes.isEmpty)
      #expect(some.notes.contains(.nonFinite(.samples, images: [1, 4, 7, 10])))
      let none = try run.figures(sampler(nanClasses: [0, 1, 2]), step: 5, parallel) {
        notes.append($0)
      } check: {
      }
      #expect(none == nil && notes.count == 1)
      #expect(notes[0].contains("step 5: no figures"), "\(notes)")
      #expect(notes[0].contains("12 of the 12 samples are not finite"), "\(notes)")

      // A file that was touched may be another.
      notes = []
      let before = try features(of: folder)
      #expect(before.count == 1)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1)],
        ofItemAtPath: folder + "/data/red/3.png")
      _ = try evaluation(settings)
      let after = try features(of: folder)
      #expect(after.count == 1 && after != before)
      #expect(notes.contains { $0.contains("features of before were removed") }, "\(notes)")
    }
  }

  @Test func knowsWhichImagesAreFinite() throws {
    let sampler = try sampler(nanClasses: [2])
    let settings = TrainingSettings.EvaluationSettings(interval: 1, reference: "", features: "")
    let (images, areFinite) = try sampler.images(
      labels: [2, 0, 1, 2], options: settings.sampling(of: sampler.process),
      noise: .perBatch(try Generator(seed: 3))
    ) {}
    #expect(images.count == 4 && areFinite == [false, true, true, false])
  }
}
