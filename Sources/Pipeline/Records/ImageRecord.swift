/// How a PNG file was made: all that it takes to make it again.
package struct ImageRecord: Sendable, Equatable {
  /// What the file shows.
  package enum Content: Sendable, Equatable {
    /// One image.
    case image(ImagePlace, className: String)
    /// Images of some classes, made batch by batch with one generator.
    case grid(labels: [Int], imagesPerLabel: Int)
  }

  /// The settings, without what the run left open. The seed is that of the image, if its noise is its own.
  package var settings: SamplingSettings
  /// The SHA-256 of the weights, by the setting that names their file.
  package var weights: [String: String]
  /// The version of libtorch.
  package var libtorch: String
  /// What the file shows.
  package var content: Content

  /// The keyword of the record in a PNG file.
  package static let textKey = "dit"
}

/// An image's place in the batch that it was made in, which decides its noise and how sums are rounded.
package struct ImagePlace: Sendable, Equatable {
  /// The classes of the images that were made together.
  package var labels: [Int]
  /// The image's index among them.
  package var row: Int
  /// The number of the batch, from 0. Those before it had `SamplingSettings.batchSize` images each.
  package var batch = 0
  /// Whether the image has a generator of its own. The others of the batch have the seeds before and after
  /// its own. Otherwise one generator serves all batches of a run.
  package var hasOwnNoise = false

  /// A place; `row` is an index of `labels`.
  package init(_ labels: [Int], row: Int, batch: Int = 0, hasOwnNoise: Bool = false) {
    self.labels = labels
    self.row = row
    self.batch = batch
    self.hasOwnNoise = hasOwnNoise
  }

  /// The class of the image.
  package var label: Int { labels[row] }
}
