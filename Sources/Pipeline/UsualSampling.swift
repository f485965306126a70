package import Checkpoint
public import Diffusion
internal import Foundation
internal import Inference
package import Models

/// How a model is best sampled, as its file says: what holds where nothing else is chosen.
public struct UsualSampling: Sendable, Equatable {
  /// The sampler, its steps and guidance; what is not set is as the family has it.
  public let options: SamplingOptions
  /// The classes to draw, by number or name, with commas between; nil for the first ones.
  public let classLabels: String?

  private static let classLabelsKey = "class_labels"
  /// The metadata's key; its value is a JSON object.
  public static let key = "usual_sampling"
  /// The settings that a file can name, those of `sample.json`.
  public static let settings = [
    "sampler", "sampling_steps", "guidance_scale", "cfg_channels", "guidance_interval",
    classLabelsKey,
  ]

  /// Usual settings. Of the options only those that `settings` names count.
  public init(_ options: SamplingOptions, classLabels: String? = nil) {
    self.options = SamplingOptions(
      sampler: options.chosenSampler, stepCount: options.chosenStepCount,
      guidance: options.guidance)
    self.classLabels = classLabels
  }

  /// The settings in a checkpoint's metadata; nil if there are none.
  ///
  /// - Throws: `PipelineError` for metadata that cannot be read, that name something else, or with a number
  ///   out of range.
  package init?(_ checkpoint: Checkpoint) throws {
    guard let text = checkpoint.metadata[Self.key] else { return nil }
    let place = "'\(checkpoint.path)': its metadata's \(Self.key)"
    let data = Data(text.utf8)
    guard let object = try? JSONSerialization.jsonObject(with: data),
      let values = object as? [String: Any]
    else { throw PipelineError(.unusable, "\(place) is no JSON object") }
    if let unknown = values.keys.filter({ !Self.settings.contains($0) }).min() {
      throw PipelineError(
        .unusable,
        "\(place) has the key '\(unknown)'; known are \(Self.settings.joined(separator: ", "))")
    }
    let read: SamplingOptions
    do {
      read = try JSONDecoder().decode(SamplingSettings.self, from: data).options
    } catch let error as DecodingError {
      throw PipelineError(.unusable, "\(place): \(error.cause)")
    }
    if let count = read.chosenStepCount, !SamplingRange.steps.contains(count) {
      throw PipelineError(.unusable, "\(place) has \(count) steps; there are 1 to 1000")
    }
    if let scale = read.guidance.chosenScale, !SamplingRange.guidanceScale.contains(scale) {
      throw PipelineError(.unusable, "\(place) has guidance \(scale); it is -1000 to 1000")
    }
    let labels = values[Self.classLabelsKey]
    guard labels == nil || labels is String else {
      throw PipelineError(.unusable, "\(place): \(Self.classLabelsKey) must be a text")
    }
    self.init(read, classLabels: labels as? String)
  }

  /// Texts for the metadata of a checkpoint.
  ///
  /// - Throws: for numbers that are not finite.
  public var metadata: [String: String] {
    get throws {
      let all = try JSONSerialization.jsonObject(
        with: JSONEncoder().encode(SamplingSettings(options: options)))
      var values = (all as? [String: Any] ?? [:]).filter { Self.settings.contains($0.key) }
      values[Self.classLabelsKey] = classLabels
      let data = try JSONSerialization.data(
        withJSONObject: values, options: [.sortedKeys, .withoutEscapingSlashes])
      return [Self.key: String(decoding: data, as: UTF8.self)]
    }
  }

  /// Checks that a model can be sampled so.
  ///
  /// - Parameters:
  ///   - model: the shape of its network.
  ///   - process: how it was trained.
  ///   - classNames: its classes, with those to draw by default.
  /// - Throws: `PipelineError` for a sampler, steps or guidance that do not fit.
  package func check(
    _ model: NetworkConfig, _ process: DiffusionProcess, _ classNames: ClassNames
  ) throws {
    try SamplingRules(
      model: model, process: process, cache: .off, hasGuide: false, smallVariancePath: nil
    ).checkWhole(classNames.defaultLabels, options)
  }
}
