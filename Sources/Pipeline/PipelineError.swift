public import Inference
public import Models

/// A setting that cannot be used, or a file that does not fit the others.
public struct PipelineError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The cause.
  public enum Reason: Sendable, Equatable {
    /// A setting is out of range, or contradicts the model or another setting.
    case setting
    /// An autoencoder is given for the built-in model, which has its own.
    case foreignAutoencoder
    /// The file or folder that is given for a DiT is an autoencoder's.
    case isAutoencoder
    /// The model makes latents, and no autoencoder is given.
    case missingAutoencoder
    /// The model's latents are normalized by channel, and nothing tells by what.
    case missingStatistics
    /// The scheduler of the model's folder names another variance than the sampler takes.
    case smallVariance
    /// The sampler does not ask the network once a step, as the cache of its features needs it.
    case unsuitedCache
    /// A guide of another family than the model it guides, or of another flow.
    case otherFamily
    /// Guidance for a model whose class table, of so many rows, has none for the null class.
    case noNullClass(rows: Int)
    /// The checkpoint lacks its position embedding, and no image size is given.
    case missingImageSize
    /// Classes are given by name, and the model has no class names.
    case missingClassNames
    /// A class that is not among the model's names, which are too many to say.
    case unknownClass
    /// libtorch knows no device of this type, or knows it only through a plug-in.
    case unknownDevice
    /// The machine has no device of this type.
    case absentDevice
    /// The library of CUDA graphs and kernels does not open.
    case kernelLibrary
    /// Another job writes to the output.
    case outputInUse
    /// The output was begun with other settings, which lie in a folder next to it.
    case otherSettings(folder: String)
    /// An image has no record of how it was made, or one that cannot be used.
    case imageRecord
    /// A file that an image was made with, named by this setting, is not there.
    case recordedFileMissing(setting: String)
    /// The weights named by this setting are not those that an image was made with.
    case otherWeights(setting: String)
    /// The model predicts NaN or infinity.
    case nonFiniteLatents
    /// The file's tensors are not those of a known model.
    case model(ModelError.Reason)
    /// The model cannot run as asked.
    case inference(InferenceError.Reason)
    /// A file or device does not serve, for any other cause.
    case unusable
  }

  /// The cause.
  public let reason: Reason
  /// What is wrong, and where.
  public let message: String

  /// Makes an error.
  public init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  /// The message.
  public var description: String { message }

  /// Whether settings are at fault, not a file or the machine.
  public var isSetting: Bool {
    switch reason {
    case .setting, .foreignAutoencoder, .missingAutoencoder, .missingStatistics, .smallVariance,
      .unsuitedCache,
      .otherFamily,
      .noNullClass, .missingImageSize, .missingClassNames, .unknownClass, .unknownDevice,
      .outputInUse, .otherSettings:
      true
    case .isAutoencoder, .absentDevice, .kernelLibrary, .imageRecord, .recordedFileMissing,
      .otherWeights,
      .nonFiniteLatents, .model, .inference, .unusable:
      false
    }
  }
}
