internal import Files
internal import Foundation
public import ImageData
internal import Layers
public import Torch

/// A small network that learns to tell the classes of a folder apart, for features where no published
/// network is at hand.
///
/// Its features are comparable with its own alone: another folder, another seed or another machine make
/// another judge.
public final class Judge: FeatureNetwork {
  /// What it is.
  public let summary: JudgeSummary
  /// `self-` and twelve digits of a digest of its weights.
  public let name: String
  let weights: [String: Tensor]
  private let network: JudgeNetwork

  /// Images that the network sees at once.
  private static let batchSize = 64

  /// D.
  public var featureCount: Int { JudgeNetwork.featureCount }
  /// Nil.
  public var spatialCount: Int? { nil }
  /// K.
  public var classCount: Int? { summary.classCount }

  /// A judge of these weights.
  ///
  /// - Parameters:
  ///   - summary: what it is.
  ///   - weights: by name, float32, on the processor.
  /// - Throws: `ParameterStore.Mismatch` if they are not the network's.
  init(_ summary: JudgeSummary, weights: [String: Tensor]) throws {
    let store = ParameterStore(.load(weights, dtype: .float32))
    network = JudgeNetwork(
      classCount: summary.classCount, inputSize: summary.settings.inputSize, at: store.root)
    try store.verifyLoaded()
    self.summary = summary
    self.weights = weights
    var digest = SHA256()
    for name in store.names {
      store[name]?.contiguous.withUnsafeBytes { digest.add($0) }
    }
    name = "self-" + digest.text().prefix(12)
  }

  /// Trains a judge.
  ///
  /// - Parameters:
  ///   - folder: images with their classes.
  ///   - settings: size and seed. The same images and settings make the same weights on one machine with
  ///     one number of threads.
  ///   - onEvent: told what happens.
  ///   - check: called between images and between steps; throws to stop.
  /// - Returns: the judge.
  /// - Throws: `EvaluationError` if there are too few images or classes; `ImageError` if too many images are
  ///   broken; `TorchError` if memory does not suffice; what `check` throws.
  public static func trained(
    on folder: ImageFolder, _ settings: JudgeSettings = JudgeSettings(),
    onEvent: (JudgeEvent) -> Void = { _ in }, check: () throws -> Void = {}
  ) throws -> Judge {
    let images = try JudgeImages(folder, settings)
    return try trained(
      on: folder, images, settings, digest: try images.digest(check: check), onEvent: onEvent,
      check: check)
  }

  /// Opens the judge of a folder, or trains it and writes it.
  ///
  /// - Parameters:
  ///   - folder: images with their classes.
  ///   - path: the file of the judge. One that was trained on other images or with other settings, is
  ///     damaged or of another version is replaced.
  ///   - settings: size and seed.
  ///   - onEvent: told what happens.
  ///   - check: called between images and between steps; throws to stop.
  /// - Returns: the judge, and whether it was trained now.
  /// - Throws: `EvaluationError` with the reason `unknownFeatures` if the file is no judge, which is then
  ///   left alone; `FileError` if it cannot be written; what `trained` throws.
  public static func of(
    _ folder: ImageFolder, keptAt path: String, _ settings: JudgeSettings = JudgeSettings(),
    onEvent: (JudgeEvent) -> Void = { _ in }, check: () throws -> Void = {}
  ) throws -> (judge: Judge, isNew: Bool) {
    let images = try JudgeImages(folder, settings)
    let kept = try kept(at: path)
    let digest = try images.digest(check: check)
    if let kept, kept.summary.imageDigest == digest, kept.summary.settings == settings {
      return (kept, false)
    }
    let judge = try trained(
      on: folder, images, settings, digest: digest, onEvent: onEvent, check: check)
    try judge.write(to: path)
    return (judge, true)
  }

  private static func trained(
    on folder: ImageFolder, _ images: JudgeImages, _ settings: JudgeSettings, digest: String,
    onEvent: (JudgeEvent) -> Void, check: () throws -> Void
  ) throws -> Judge {
    let heldOut = images.heldOut
    let pixels = try images.pixels(onEvent: onEvent, check: check)
    let numbers = images.numbers.filter { pixels[$0] != nil }
    let training = numbers.filter { !heldOut.contains($0) }
    let test = numbers.filter { heldOut.contains($0) }
    let weights = try JudgeTraining(
      training.compactMap { pixels[$0] }, labels: training.map(folder.label(at:)),
      classCount: folder.classCount, settings
    ).run(onEvent: onEvent, check: check)
    func judge(accuracy: Double) throws -> Judge {
      let summary = JudgeSummary(
        classNames: folder.classNames, classCount: folder.classCount,
        trainingCount: training.count, heldOutCount: test.count, heldOutAccuracy: accuracy,
        imageDigest: digest, settings: settings)
      return try Judge(summary, weights: weights)
    }
    let untried = try judge(accuracy: 0)
    let side = settings.inputSize
    let right = try stride(from: 0, to: test.count, by: batchSize).reduce(0) { right, start in
      let part = test[start..<min(start + batchSize, test.count)]
      let images = Tensor(part.flatMap { pixels[$0] ?? [] }, shape: [part.count, side, side, 3])
      guard let logits = try untried.features(of: images, check: check).logits else { return right }
      return right + agreementCount(logits, labels: part.map(folder.label(at:)))
    }
    let result = try judge(accuracy: test.isEmpty ? 0 : Double(right) / Double(test.count))
    onEvent(.trained(result.summary))
    return result
  }

  /// The features and scores of images of any size, which are resized to what the network has seen.
  public func features(of images: Tensor, check: () throws -> Void) throws -> ImageFeatures {
    let side = summary.settings.inputSize
    let resized = try RGBImage.resizedAsPillow(images, height: side, width: side, check: check)
    let count = images.size(0)
    var parts: [(pooled: Tensor, logits: Tensor)] = []
    for start in stride(from: 0, to: count, by: Self.batchSize) {
      try check()
      let input = Judge.input(resized[start..<min(start + Self.batchSize, count)])
      parts.append(
        try withTorchErrors {
          withoutGradients {
            let pooled = network.features(input, isTraining: false)
            return (pooled, network.logits(pooled))
          }
        })
    }
    return ImageFeatures(
      pooled: concatenated(parts.map(\.pooled)), logits: concatenated(parts.map(\.logits)))
  }

  /// The images that are taken for the class asked for.
  ///
  /// - Parameters:
  ///   - logits: scores of classes, `[N, K]`.
  ///   - labels: the classes asked for, as numbers of the judge, below K.
  /// - Returns: how many have their highest score at that class.
  public static func agreementCount(_ logits: Tensor, labels: [Int]) -> Int {
    guard logits.size(0) == labels.count else {
      fatalError("agreementCount: \(labels.count) labels for \(logits)")
    }
    let scores = logits.elements(Float.self)
    let classCount = logits.size(1)
    return labels.enumerated().count { row, label in
      let row = scores[classCount * row..<classCount * (row + 1)]
      return row.allSatisfy { $0 <= row[row.startIndex + label] }
    }
  }

  /// Bytes as the network's input, `[N, H, W, 3]` to `[N, 3, H, W]` in -1 to 1.
  static func input(_ pixels: Tensor) -> Tensor { RGBImage.modelInput(pixels).channelsLast }
}
