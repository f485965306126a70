internal import Checkpoint
public import ImageData
internal import Torch

/// What a cache of latents holds, which is also what all who write to it must agree on.
public struct LatentCacheSettings: Codable, Equatable, Sendable {
  /// The version of the layout that this code reads and writes.
  public static let currentVersion = 1

  /// The version of the layout.
  public var version = currentVersion
  /// The kind of the autoencoder.
  public var autoencoderKind: String
  /// The checksum of the autoencoder's encoder.
  public var autoencoderChecksum: String
  /// What latents are multiplied by if nothing else is said; those in the cache are not.
  public var scaleFactor: Double
  /// Height and width of the images in pixels.
  public var imageSize: Int
  /// Channels, height, width of the latents.
  public var latentShape: [Int]
  /// Whether there are log variances beside the means.
  public var hasLogVariance: Bool
  /// Whether there are the moments of the mirrored images too.
  public var hasMirrored: Bool
  /// Whether large JPEG files shrank while they were decoded; nil, as in earlier caches, for no.
  public var reducesWhileDecoding: Bool?
  /// The type of the moments: `fp32` or `fp16`.
  public var elementType: String
  /// Images of the folder, with those that cannot be read.
  public var imageCount: Int
  /// Images of a shard, but for the last.
  public var shardSize: Int
  /// How many classes there are.
  public var classCount: Int
  /// The names of the classes by label; empty if they have none.
  public var classNames: [String]
  /// A checksum of the images' names and labels, in their order.
  public var listing: String

  /// The images of a folder.
  ///
  /// - Parameters:
  ///   - folder: the images.
  ///   - imageSize: the side of the crops in pixels, a multiple of the autoencoder's factor.
  ///   - codec: with an autoencoder.
  ///   - kind: the kind of the autoencoder.
  ///   - checksum: of its encoder.
  public init(
    _ folder: ImageFolder, imageSize: Int, codec: LatentCodec, kind: String, checksum: String
  ) {
    autoencoderKind = kind
    autoencoderChecksum = checksum
    scaleFactor = codec.scaleFactor
    self.imageSize = imageSize
    let side = imageSize / codec.downsamplingFactor
    latentShape = [codec.channelCount, side, side]
    hasLogVariance = codec.hasPosterior
    hasMirrored = true
    elementType = "fp32"
    imageCount = folder.count
    shardSize = 1024
    classCount = folder.classCount
    classNames = folder.classNames
    let lines = (0..<folder.count).map {
      "\(folder.relativePath(at: $0))\t\(folder.label(at: $0))\n"
    }
    listing = CRC32.text(Array(lines.joined().utf8).withUnsafeBytes(CRC32.checksum))
  }

  /// Height and width of an image over those of its latents.
  public var downsamplingFactor: Int { imageSize / latentShape[1] }

  /// How many shards there are.
  public var shardCount: Int { (imageCount + shardSize - 1) / shardSize }

  /// The numbers of the images of a shard.
  public func images(of shard: Int) -> Range<Int> {
    shard * shardSize..<min((shard + 1) * shardSize, imageCount)
  }

  /// The type of the moments.
  var dtype: DType { elementType == "fp16" ? .float16 : .float32 }

  /// The tensors of moments in a shard.
  var momentNames: [String] {
    let names = hasLogVariance ? ["mean", "logvar"] : ["mean"]
    return hasMirrored ? names + names.map { $0 + "_flip" } : names
  }

  /// What differs from other settings, for the user's eyes: there, then here.
  func differences(from other: LatentCacheSettings) -> [String] {
    let pairs: [(String, String, String)] = [
      ("autoencoder", other.autoencoderName, autoencoderName),
      ("scale factor", "\(other.scaleFactor)", "\(scaleFactor)"),
      ("image size", "\(other.imageSize)", "\(imageSize)"),
      ("latents", "\(other.latentShape)", "\(latentShape)"),
      ("mirrored images", "\(other.hasMirrored)", "\(hasMirrored)"),
      (
        "reduced while decoding", "\(other.reducesWhileDecoding ?? false)",
        "\(reducesWhileDecoding ?? false)"
      ),
      ("dtype", other.elementType, elementType),
      ("images", "\(other.imageCount)", "\(imageCount)"),
      ("shard size", "\(other.shardSize)", "\(shardSize)"),
      ("classes", "\(other.classCount)", "\(classCount)"),
      ("names of images", other.listing, listing),
    ]
    return pairs.filter { $0.1 != $0.2 }.map { "\($0): \($1) there, \($2) here" }
  }

  /// The autoencoder in a few words.
  public var autoencoderName: String { "\(autoencoderKind) \(autoencoderChecksum)" }

  /// What is impossible in settings that were read from a file; nil for nothing.
  var fault: String? {
    let limit = 1 << 40
    func check(_ condition: Bool, _ name: String) -> String? {
      condition ? nil : "\(name) is out of range"
    }
    return check((1...16384).contains(imageSize), "image_size")
      ?? check(
        latentShape.count == 3 && latentShape.allSatisfy { (1...16384).contains($0) }
          && latentShape[1] == latentShape[2] && imageSize.isMultiple(of: latentShape[1]),
        "latent_shape")
      ?? check((1...limit).contains(imageCount), "image_count")
      ?? check((1...limit).contains(shardSize), "shard_size")
      ?? check(
        classNames.isEmpty
          ? (1...ImageFolder.unnamedClassLimit).contains(classCount)
          : classNames.count == classCount, "class_count")
      ?? check(["fp32", "fp16"].contains(elementType), "element_type")
      ?? check(scaleFactor.isFinite && scaleFactor > 0, "scale_factor")
  }
}
