/// Why training, or the encoding of latents, cannot start or continue.
public struct TrainingError: Error, CustomStringConvertible, Equatable {
  /// What is at fault, as far as a program has something to say about it.
  public enum Reason: Sendable, Equatable {
    /// A setting that contradicts another one, the data or the model.
    case setting(Setting)
    /// A custom model size without width, depth, heads and patch size.
    case incompleteSize
    /// No word about the autoencoder of a folder of images.
    case autoencoderMissing
    /// An autoencoder without the encoder.
    case encoderMissing
    /// Sample grids without the autoencoder of the cache.
    case samplesNeedAutoencoder
    /// Sample grids without the decoder.
    case samplesNeedDecoder
    /// Another autoencoder than that of the cache.
    case otherAutoencoder
    /// A cache of latents whose making was interrupted.
    case cacheUnfinished
    /// A cache file that is missing or damaged, which encoding again replaces.
    case cacheIncomplete
    /// A cache whose manifest is damaged or of another layout.
    case cacheDamaged
    /// A cache file of another content than its manifest says.
    case cacheInconsistent
    /// The folder holds a cache of other settings.
    case otherCache
    /// A cache without mirror images.
    case mirrorImagesMissing
    /// Encoding has given numbers that are not finite.
    case latentsNotFinite(isFloat16: Bool)
    /// The output lies among the images.
    case outputAmongImages
    /// NaN or infinite numbers among the weights that training starts from, or of the autoencoder.
    case weightsNotFinite
    /// The output folder holds a run already.
    case runExists
    /// A run without a checkpoint to resume from.
    case checkpointMissing
    /// Ranks that found other data, or another model.
    case ranksDisagree
    /// Steps whose loss or gradient is not finite.
    case notFinite
    /// Anything else.
    case other
  }

  /// A setting, as far as errors name one.
  public enum Setting: Sendable, Equatable {
    /// The published size.
    case preset
    /// The model's width.
    case hiddenSize
    /// The number of blocks.
    case depth
    /// The number of attention heads.
    case headCount
    /// The side of a patch.
    case patchSize
    /// The parts of the blocks.
    case block
    /// Whether the model learns the variance.
    case learnsVariance
    /// The images' height and width.
    case imageSize
    /// The autoencoder's file.
    case autoencoder
    /// Mean and deviation of the latents.
    case latentStatistics
    /// Whether JPEG files are shrunk while they are decoded.
    case reducesWhileDecoding
    /// The parameters that stay as they are.
    case frozen
    /// What is minimized.
    case objective
    /// The data's or the checkpoint's own numbers: nothing that a setting would change.
    case none
  }

  /// What is at fault.
  public let reason: Reason
  /// What is wrong, and where.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// Makes an error of no particular reason.
  public init(_ message: String) { self.init(.other, message) }
}
