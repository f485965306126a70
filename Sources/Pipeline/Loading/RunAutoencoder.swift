internal import Foundation
package import Models

/// The autoencoder whose latents a model was trained on, as `dit train` notes it in the metadata of its
/// checkpoints.
package struct RunAutoencoder: Codable, Equatable, Sendable {
  /// Its file or folder, absolute; nil if the run read latents from a cache and had no autoencoder.
  package var path: String?
  /// `AutoencoderKL` or `TinyAutoencoder`.
  package var kind: String
  /// `AutoencoderState.encoderChecksum`
  package var checksum: String
  /// The factor of the latents.
  package var scaleFactor: Double
  /// Mean and deviation that are taken off before the factor; nil for none.
  package var statistics: LatentStatistics?
  /// Image size over latent size.
  package var downsamplingFactor: Int

  /// The key in the metadata.
  package static let key = "autoencoder"

  /// An autoencoder.
  package init(
    path: String?, kind: String, checksum: String, scaling: LatentScaling, downsamplingFactor: Int
  ) {
    self.path = path.map(RunAutoencoder.absolute)
    self.kind = kind
    self.checksum = checksum
    scaleFactor = scaling.factor
    statistics = scaling.statistics.areNeutral ? nil : scaling.statistics
    self.downsamplingFactor = downsamplingFactor
  }

  /// A path that holds in any working folder.
  package static func absolute(_ path: String) -> String {
    URL(filePath: path).standardizedFileURL.path
  }

  /// Reads a checkpoint's metadata; nil if no autoencoder is noted there.
  package init?(metadata: [String: String]) {
    guard let text = metadata[RunAutoencoder.key],
      let value = try? JSONDecoder().decode(RunAutoencoder.self, from: Data(text.utf8)),
      value.scaleFactor.isFinite, value.scaleFactor > 0, value.downsamplingFactor > 0
    else { return nil }
    self = value
  }

  /// The text for the metadata.
  package var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// What is done to latents.
  package var scaling: LatentScaling {
    get { LatentScaling(statistics: statistics ?? LatentStatistics(), factor: scaleFactor) }
    set {
      scaleFactor = newValue.factor
      statistics = newValue.statistics.areNeutral ? nil : newValue.statistics
    }
  }

  /// The same without the path, for files that go elsewhere.
  package var withoutPath: RunAutoencoder {
    var copy = self
    copy.path = nil
    return copy
  }

  /// Kind and checksum.
  package var name: String { "\(kind) \(checksum)" }
}
