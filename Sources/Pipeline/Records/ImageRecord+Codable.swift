internal import Files
internal import Foundation

extension ImageRecord: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case libtorch
    case classLabel = "class_label"
    case className = "class_name"
    case batchLabels = "batch_labels"
    case batchRow = "batch_row"
    case batchNumber = "batch_number"
    case noise
    case classLabels = "class_labels"
    case numSamples = "num_samples"
  }

  /// `dit_checkpoint_sha256` and its like.
  private struct WeightKey: CodingKey {
    static let suffix = "_sha256"
    let stringValue: String
    var intValue: Int? { nil }
    /// The setting that names the file.
    var setting: String { String(stringValue.dropLast(WeightKey.suffix.count)) }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
    init(of setting: String) { stringValue = setting + WeightKey.suffix }
  }

  private enum Noise: String, Codable {
    /// One generator for the batch, and for those before it.
    case batch
    /// One for each image.
    case image
  }

  private static let largestBatch = 65536
  private static let largestRun = 10_000_000

  /// Reads a record.
  ///
  /// - Throws: `DecodingError` for a key or name that is unknown, and a value of the wrong type or out of
  ///   range.
  package init(from decoder: any Decoder) throws {
    weights = try ImageRecord.weights(decoder.container(keyedBy: WeightKey.self))
    settings = try SamplingSettings(from: decoder)
    guard settings.pipeline.paths.allSatisfy(ImageRecord.isPrintable) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: [], debugDescription: "a path has control characters"))
    }
    let container = try decoder.container(keyedBy: CodingKeys.self)
    libtorch = try container.decode(String.self, forKey: .libtorch)
    func require(_ condition: Bool, _ key: CodingKeys) throws {
      guard !condition else { return }
      throw DecodingError.dataCorruptedError(
        forKey: key, in: container, debugDescription: "a value out of range")
    }
    guard container.contains(.batchLabels) else {
      let text = try container.decode(String.self, forKey: .classLabels)
      let labels = text.split(separator: ",").compactMap { Int($0) }
      try require(text == labels.map(String.init).joined(separator: ","), .classLabels)
      try require(!labels.isEmpty && labels.allSatisfy { $0 >= 0 }, .classLabels)
      let count = try container.decode(Int.self, forKey: .numSamples)
      try require((1...ImageRecord.largestRun / labels.count).contains(count), .numSamples)
      content = .grid(labels: labels, imagesPerLabel: count)
      return
    }
    let labels = try container.decode([Int].self, forKey: .batchLabels)
    try require((1...ImageRecord.largestBatch).contains(labels.count), .batchLabels)
    try require(labels.allSatisfy { $0 >= 0 }, .batchLabels)
    let row = try container.decode(Int.self, forKey: .batchRow)
    try require(labels.indices.contains(row), .batchRow)
    try require(container.decode(Int.self, forKey: .classLabel) == labels[row], .classLabel)
    let batch = try container.decode(Int.self, forKey: .batchNumber)
    let size = settings.batchSize ?? labels.count
    try require(
      batch == 0 || size >= labels.count && size <= ImageRecord.largestBatch, .batchLabels)
    try require((0...ImageRecord.largestRun / max(size, 1)).contains(batch), .batchNumber)
    let className = try container.decode(String.self, forKey: .className)
    try require(ImageRecord.isPrintable(className), .className)
    content = .image(
      ImagePlace(
        labels, row: row, batch: batch,
        hasOwnNoise: try container.decode(Noise.self, forKey: .noise) == .image),
      className: className)
  }

  private static func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }

  /// The SHA-256 of the weights, in a record that has all keys that it must have, and only known ones.
  private static func weights(
    _ container: KeyedDecodingContainer<WeightKey>
  ) throws -> [String: String] {
    for key in ["cfg_channels", "guidance_scale", "precision", "sampler", "seed"].map(
      WeightKey.init(stringValue:))
    {
      guard try container.contains(key) && !container.decodeNil(forKey: key) else {
        throw DecodingError.keyNotFound(
          key, .init(codingPath: [], debugDescription: "it is needed"))
      }
    }
    // Names decide no pixel: a record has no file of them.
    let settings = Set(SamplingSettings.keys).subtracting(["class_names"])
    let known = settings.union(CodingKeys.allCases.map(\.rawValue))
    var weights: [String: String] = [:]
    for key in container.allKeys where !known.contains(key.stringValue) {
      guard key.stringValue.hasSuffix(WeightKey.suffix), settings.contains(key.setting) else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: container,
          debugDescription: "a setting that this version does not know")
      }
      let digest = try container.decode(String.self, forKey: key)
      guard digest.wholeMatch(of: /[0-9a-f]{64}/) != nil else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: container, debugDescription: "no SHA-256")
      }
      weights[key.setting] = digest
    }
    return weights
  }

  /// Writes the record.
  package func encode(to encoder: any Encoder) throws {
    try settings.encode(to: encoder)
    var digests = encoder.container(keyedBy: WeightKey.self)
    for (setting, digest) in weights { try digests.encode(digest, forKey: WeightKey(of: setting)) }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(libtorch, forKey: .libtorch)
    switch content {
    case .image(let place, let className):
      try container.encode(place.label, forKey: .classLabel)
      try container.encode(className, forKey: .className)
      try container.encode(place.labels, forKey: .batchLabels)
      try container.encode(place.row, forKey: .batchRow)
      try container.encode(place.batch, forKey: .batchNumber)
      try container.encode(place.hasOwnNoise ? Noise.image : .batch, forKey: .noise)
    case .grid(let labels, let count):
      try container.encode(labels.map(String.init).joined(separator: ","), forKey: .classLabels)
      try container.encode(count, forKey: .numSamples)
    }
  }

  /// The record as JSON on one line; the same record always gives the same text.
  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

extension PipelineConfig {
  /// All paths that the configuration names.
  fileprivate var paths: [String] {
    [ditCheckpoint, guideCheckpoint, autoencoder.name, classNamesPath, latentStatsPath].compactMap {
      $0
    }
  }
}
