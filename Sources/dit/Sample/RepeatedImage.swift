internal import Files
internal import Foundation
internal import Pipeline
internal import Torch

/// The image of `--from`.
struct RepeatedImage {
  /// Its file.
  let path: String
  /// How it was made.
  let record: ImageRecord
  /// Options that are given as flags, in kebab-case.
  let given: Set<String>

  /// Flags that ask for other images than the one.
  private static let newImages: Set = ["class-labels", "num-samples", "batch-size"]

  /// Reads how an image was made.
  ///
  /// - Throws: `PipelineError` if it has no such record.
  init(_ path: String) throws {
    self.path = path
    record = try ImageRecord(readFrom: path)
    given = Arguments.names(in: Array(CommandLine.arguments.dropFirst()))
  }

  /// Its place in its batch, if it is made again; nil for a grid, and if flags ask for other images.
  var place: ImagePlace? {
    guard case .image(let place, _) = record.content, given.isDisjoint(with: Self.newImages) else {
      return nil
    }
    return place
  }

  /// The class of one image; nil for a grid.
  var label: Int? {
    guard case .image(let place, _) = record.content else { return nil }
    return place.label
  }

  /// The name of its class, unless a flag brings others; nil for a grid.
  var className: String? {
    guard case .image(_, let name) = record.content, !given.contains("class-names") else {
      return nil
    }
    return name
  }

  /// Checks that the files that the image names are here.
  ///
  /// - Throws: `PipelineError` that names the first that is not.
  func checkPresence(_ settings: SamplingSettings) throws {
    let autoencoder =
      if case .file(let path) = settings.pipeline.autoencoder { path } else { nil as String? }
    for (setting, file) in [
      ("dit_checkpoint", settings.pipeline.ditCheckpoint),
      ("guide_checkpoint", settings.pipeline.guideCheckpoint), ("vae_checkpoint", autoencoder),
      ("latent_stats", settings.pipeline.latentStatsPath),
    ] {
      guard let file, !given.contains(OptionTable.kebab(setting)),
        !FileManager.default.fileExists(atPath: file)
      else { continue }
      throw PipelineError(
        .recordedFileMissing(setting: setting),
        "'\(path)' was made with '\(file)', which is not here")
    }
  }

  /// Compares the weights with those that made the image.
  ///
  /// - Throws: `PipelineError` if they differ and no flag names them: then it is a note.
  func check(_ digests: WeightDigests) throws {
    let found = try digests.values(check: Interrupt.check)
    for (setting, expected) in record.weights.sorted(by: { $0.key < $1.key }) {
      guard let digest = found[setting], digest != expected else { continue }
      let text =
        "the weights of \(setting) are not those that '\(path)' was made with: their SHA-256 is"
        + " \(digest.prefix(16))..., not \(expected.prefix(16))..."
      guard given.contains(OptionTable.kebab(setting)) else {
        throw PipelineError(.otherWeights(setting: setting), text)
      }
      note("\(text); the image may differ")
    }
    if record.libtorch != LibTorch.version {
      note(
        "'\(path)' was made with libtorch \(record.libtorch), and this is \(LibTorch.version): the image"
          + " may differ in its last bits")
    }
  }
}
