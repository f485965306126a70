internal import Diffusion
internal import Evaluation
internal import Files
internal import Foundation
internal import ImageData
internal import Models
internal import Parallel
internal import Pipeline
internal import Torch

/// Figures of fresh samples of the moving average, made while a run goes on. All ranks draw a part.
final class RunEvaluation {
  private let settings: TrainingSettings.EvaluationSettings
  private let network: any FeatureNetwork
  private let metrics: [Metric]
  /// On rank 0.
  private let reference: FeatureSet?
  /// The classes to draw, in turn.
  private let classes: [Int]
  private let imageSize: Int
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  /// Time spent on evaluations.
  private var spent = Duration.zero
  /// Of the last evaluation.
  private var cost = Duration.zero
  /// Whether an evaluation was left out.
  private var hasLeftOut = false

  /// A stop that was asked for.
  struct Stopped: Error {}

  /// Images that are drawn together.
  private static let batchSize = 8
  /// The seed of the first image, the same in every evaluation.
  private static let seed: UInt64 = 42

  /// Opens the network, whose judge rank 0 trains, and makes the features of the reference.
  ///
  /// - Parameters:
  ///   - settings: what is compared.
  ///   - classes: those that have images.
  ///   - imageSize: height and width of samples in pixels.
  ///   - folder: of the run, for the features of the reference; nil on other ranks.
  ///   - device: of the network.
  ///   - parallel: the ranks.
  ///   - note: is told what happens.
  ///   - shouldStop: asked often on rank 0, for all.
  /// - Throws: `Stopped` on all ranks if `shouldStop` says yes; `EvaluationError`; `ImageError`,
  ///   `CheckpointError`, `FileError`; `LaunchError` if a rank is lost.
  init(
    _ settings: TrainingSettings.EvaluationSettings, classes: [Int], imageSize: Int,
    folder: String?, device: Device, parallel: DataParallel, note: (String) throws -> Void,
    shouldStop: () -> Bool
  ) throws {
    self.settings = settings
    self.classes = classes
    self.imageSize = imageSize
    var opened: EvaluationNetwork?
    var isStopped = false
    try parallel.draw(step: 0) { mark in
      guard let folder else { return }
      try note("evaluations: features of the reference '\(settings.reference)'")
      do {
        opened = try RunEvaluation.network(settings, imageSize: imageSize, folder, device) {
          try mark()
          if shouldStop() { throw Stopped() }
        }
      } catch is Stopped {
        // The others wait for the end of this.
        isStopped = true
      }
    }
    guard try parallel.send([isStopped ? 1 : 0]) == [0] else { throw Stopped() }
    // The judge's file is on rank 0's machine alone.
    let isTrained = settings.features == EvaluationNetwork.judgeName
    let bytes = try parallel.send(isTrained ? try RunEvaluation.judgeBytes(in: folder) : [])
    let network = try opened ?? RunEvaluation.network(of: bytes, or: settings.features, device)
    let features = try ReferenceFeatures(
      settings.reference, imageSize: imageSize, network,
      folder: folder.map { $0 + "/" + RunEvaluation.featureFolder }, parallel, note: note,
      shouldStop: shouldStop)
    self.network = network.network
    (metrics, reference) = (features.metrics, features.set)
    start = clock.now
  }

  /// Whether a step's evaluation leaves evaluations within their share of the time. The first one and that
  /// of the last step are made in any case.
  ///
  /// - Parameters:
  ///   - step: of the run.
  ///   - isLast: whether it is the run's last.
  ///   - parallel: rank 0 decides for all.
  ///   - note: is told of the first evaluation that is left out.
  /// - Returns: the same on all ranks.
  /// - Throws: `LaunchError` if a rank is lost; what `note` throws.
  func isDue(
    at step: Int, isLast: Bool, _ parallel: DataParallel, note: (String) throws -> Void
  ) throws -> Bool {
    guard !isLast else { return true }
    guard step.isMultiple(of: settings.interval) else { return false }
    let passed = start.duration(to: clock.now)
    let fits = (spent + cost) <= (passed + cost) * settings.share
    guard try parallel.send([fits || spent == .zero ? 1 : 0 as UInt8]) != [1] else { return true }
    if !hasLeftOut {
      hasLeftOut = true
      try note(
        "step \(step): no evaluation, as with it evaluations would take more than"
          + String(format: " %.3g %% of the time", 100 * settings.share)
          + String(format: " (%.3g %% so far);", 100 * shareSpent)
          + " later ones are left out without a note, and the last step has one in any case")
    }
    return false
  }

  /// The share of the time since the start that evaluations took.
  var shareSpent: Double { spent / max(start.duration(to: clock.now), .milliseconds(1)) }

  /// Draws images and compares them. All ranks call it together.
  ///
  /// - Parameters:
  ///   - sampler: of the weights.
  ///   - step: of the run.
  ///   - parallel: the ranks.
  ///   - note: is told why there are no figures.
  ///   - check: called between steps; throws to stop.
  /// - Returns: the figures of the samples that are finite, on rank 0; nil if there are none.
  /// - Throws: `TorchError`; `LaunchError` if a rank is lost; what `note` and `check` throw.
  func figures(
    _ sampler: TrainedSampler, step: Int, _ parallel: DataParallel,
    note: (String) throws -> Void, check: () throws -> Void
  ) throws -> Figures? {
    let begin = clock.now
    defer {
      cost = begin.duration(to: clock.now)
      spent += cost
    }
    try parallel.enter(.draw, step: step)
    let features = try drawFeatures(sampler, parallel, check)
    var figures: Figures?
    try parallel.draw(step: step) { mark in
      guard let reference else { return }
      do {
        figures = try self.figures(of: features, reference) {
          try mark()
          try check()
        }
      } catch let error as EvaluationError {
        // Samples of a young or broken model are no reason to end its training.
        let lost = features.pooled.isFinite.allTrue(axis: 1).elements(Bool.self).count { !$0 }
        let count =
          lost > 0 ? " (\(lost) of the \(settings.sampleCount) samples are not finite)" : ""
        try note("step \(step): no figures: \(error.message)\(count)")
      }
    }
    return figures
  }

  private func figures(
    of features: ImageFeatures, _ reference: FeatureSet, _ check: () throws -> Void
  ) throws -> Figures {
    var builder = FeatureSetBuilder(
      FeatureWidths(of: network), capacity: settings.sampleCount,
      need: Metric.sampleNeed(of: metrics, count: settings.sampleCount))
    try builder.add(features, first: 0)
    return try Evaluation.figures(
      of: try builder.finish(), reference: reference, network: network.name, metrics: metrics,
      check: check)
  }

  /// The features of all samples, on every rank; each rank draws the batches of its number. Rows of samples
  /// that are not finite are NaN.
  private func drawFeatures(
    _ sampler: TrainedSampler, _ parallel: DataParallel, _ check: () throws -> Void
  ) throws -> ImageFeatures {
    let widths = FeatureWidths(of: network)
    let count = settings.sampleCount
    let pooled = Tensor.zeros([count, widths.pooled])
    let spatial = widths.spatial.map { Tensor.zeros([count, $0]) }
    let logits = widths.logits.map { Tensor.zeros([count, $0]) }
    var (slices, roots): ([Tensor], [Int]) = ([], [])
    for (number, first) in stride(from: 0, to: count, by: Self.batchSize).enumerated() {
      let rows = first..<min(first + Self.batchSize, count)
      let root = number % parallel.count
      for tensor in [pooled, spatial, logits].compactMap({ $0 }) {
        slices.append(tensor[rows])
        roots.append(root)
      }
      guard root == parallel.rank else { continue }
      let labels = rows.map { classes[$0 % classes.count] }
      let noise = try rows.map { try Generator(seed: Self.seed + UInt64($0)) }
      let (images, areFinite) = try sampler.images(
        labels: labels, options: settings.sampling(of: sampler.process),
        noise: .perSample(noise), mark: check)
      let pixels = try withTorchErrors {
        Tensor(images.flatMap(\.pixels), shape: [rows.count, imageSize, imageSize, 3])
      }
      let found = try network.features(of: pixels, check: check)
      try withTorchErrors {
        pooled[rows].copyInPlace(from: found.pooled)
        if let part = found.spatial { spatial?[rows].copyInPlace(from: part) }
        if let part = found.logits { logits?[rows].copyInPlace(from: part) }
        for (row, isFinite) in zip(rows, areFinite) where !isFinite {
          pooled[row..<row + 1].fillInPlace(.nan)
        }
      }
    }
    try parallel.send(slices, from: roots)
    return ImageFeatures(pooled: pooled, spatial: spatial, logits: logits)
  }

  /// Checks that reference and network can be opened, before anything is written.
  ///
  /// - Throws: `EvaluationError`; `ImageError`, `CheckpointError`, `FileError`.
  static func check(
    _ settings: TrainingSettings.EvaluationSettings, imageSize: Int
  ) throws {
    let reference = try EvaluationReference(
      contentsOf: settings.reference, imageSize: imageSize)
    if let images = reference.images, (images.height, images.width) != (imageSize, imageSize) {
      throw EvaluationError(
        .otherSize,
        "'\(reference.name)' has images of \(images.width) x \(images.height) pixels, and samples are"
          + " \(imageSize) x \(imageSize)")
    }
    if settings.features != EvaluationNetwork.judgeName {
      _ = try FeatureFile(settings.features)
    } else {
      _ = try ImageFolder(settings.reference)
    }
  }

  private static func network(
    _ settings: TrainingSettings.EvaluationSettings, imageSize: Int, _ folder: String,
    _ device: Device, _ mark: () throws -> Void
  ) throws -> EvaluationNetwork {
    guard settings.features == EvaluationNetwork.judgeName else {
      return try EvaluationNetwork(contentsOf: settings.features, on: device)
    }
    return try EvaluationNetwork(
      judgeOf: try ImageFolder(settings.reference),
      keptAt: "\(folder)/\(featureFolder)/\(judgeFile)",
      JudgeSettings(imageSize: imageSize, sampleCount: settings.judgeSampleCount),
      onEvent: { _ in }, check: mark)
  }

  private static let judgeFile = "judge.safetensors"
  /// Of the run's folder.
  private static let featureFolder = "evaluation"

  private static func judgeBytes(in folder: String?) throws -> [UInt8] {
    try folder.map { try EvaluationNetwork.bytes(of: "\($0)/\(featureFolder)/\(judgeFile)") } ?? []
  }

  private static func network(
    of judge: [UInt8], or path: String, _ device: Device
  ) throws -> EvaluationNetwork {
    judge.isEmpty
      ? try EvaluationNetwork(contentsOf: path, on: device) : try EvaluationNetwork(judge: judge)
  }
}
