internal import Files
internal import Foundation
internal import Pipeline

/// The command that wrote a record of its settings. The record can be given back to it with `-c`.
///
/// The other command of the two takes the settings of the model and the sampler. What is meant otherwise
/// there is left out: the number of images, and words for the choice of classes.
enum RecordOrigin: String, Decodable {
  /// `dit sample`
  case sample
  /// `dit generate`, and `dit sample --npz`
  case generate

  private struct Fields: Decodable {
    let command: RecordOrigin?
    let libtorch: String?
    let secondsPerImage: Double?
    let numSamples: Int?
    let classLabels: String?

    private enum CodingKeys: String, CodingKey {
      case command, libtorch
      case secondsPerImage = "seconds_per_image"
      case numSamples = "num_samples"
      case classLabels = "class_labels"
    }
  }

  /// The origin of a configuration file; nil if it is no record. Records of earlier versions do not name
  /// it, and differ in their keys.
  init?(of path: String) {
    guard let fields = RecordOrigin.fields(of: path), fields.libtorch != nil else { return nil }
    self = fields.command ?? (fields.secondsPerImage == nil ? .generate : .sample)
  }

  /// The number of images in the record of a job; nil if it cannot be read.
  static func imageCount(in path: String) -> Int? { fields(of: path)?.numSamples }

  private static func fields(of path: String) -> Fields? {
    guard let text = try? TextFile.content(of: path) else { return nil }
    return try? JSONDecoder().decode(Fields.self, from: Data(text.utf8))
  }

  /// The settings of a record that a command does not take, in kebab-case.
  ///
  /// - Parameters:
  ///   - path: the configuration file.
  ///   - command: what it is given to.
  /// - Returns: none of a file that is no record, or this command's own.
  static func foreignSettings(in path: String, for command: RecordOrigin) -> Set<String> {
    guard let origin = RecordOrigin(of: path), origin != command else { return [] }
    let labels = fields(of: path)?.classLabels.flatMap(LabelChoice.parts(ofDescription:))
    return labels == nil ? ["num-samples"] : ["num-samples", "class-labels"]
  }

  /// A line about a record of the other command; nil for any other file.
  static func note(_ path: String?, for command: RecordOrigin) -> String? {
    guard let path, let origin = RecordOrigin(of: path), origin != command else { return nil }
    let left = foreignSettings(in: path, for: command).map { $0.replacing("-", with: "_") }.sorted()
    return
      "'\(path)' is the record of dit \(origin.rawValue), whose images are others for the same seed:"
      + " \(left.joined(separator: " and ")) left out; dit \(origin.rawValue) -c \(path) repeats them"
  }
}
