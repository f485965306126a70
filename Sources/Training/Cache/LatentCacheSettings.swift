internal import Checkpoint
public import ImageData
public import Models
internal import Torch

/// The content of a cache of latents; all processes that write to it must agree on this.
public struct LatentCacheSettings: Codable, Equatable, Sendable {
  /// The version of the layout that this code reads and writes.
  public static let currentVersion = 1

  /// The version of the layout.
  public var version = currentVersion
  /// The kind of the autoencoder.
  public var autoencoderKind: String
  /// The checksum of the autoencoder's encoder.
  public var autoencoderChecksum: String
  /// The autoencoder's file or folder, absolute; nil in earlier caches.
  public var autoencoderPath: String?
  /// The autoencoder's factor of the latents; those in the cache are not scaled.
  public var scaleFactor: Double
  /// The statistics of its file, which it has taken off the latents in the cache; nil for none.
  public var statistics: LatentStatistics?
  /// Height and width of the images in pixels.
  public var imageSize: Int
  /// Channels, height, width of the latents.
  public var latentShape: [Int]
  /// Whether the cache has log variances in addition to the means.
  public var hasLogVariance: Bool
  /// Whether the cache has the moments of the mirror images too.
  public var hasMirrored: Bool
  /// Whether large JPEG files shrank while they were decoded; nil in earlier caches, for no.
  public var reducesWhileDecoding: Bool?
  /// The type of the moments: `fp32` or `fp16`.
  public var elementType: String
  /// Images of the folder, unreadable ones included.
  public var imageCount: Int
  /// Images of a shard; the last one may have fewer.
  public var shardSize: Int
  /// The number of classes.
  public var classCount: Int
  /// The names of the classes by label; empty if they have none.
  public var classNames: [String]
  /// A checksum of the images' names and labels, in their order.
  public var listing: String

  /// Settings for the images of a folder, in float32 and with mirror images.
  ///
  /// - Parameters:
  ///   - folder: the images.
  ///   - imageSize: the side of the crops in pixels, a multiple of the autoencoder's factor.
  ///   - codec: has an autoencoder.
  ///   - kind: the kind of the autoencoder.
  ///   - checksum: of its encoder.
  ///   - statistics: of its file.
  public init(
    _ folder: ImageFolder, imageSize: Int, codec: LatentCodec, kind: String, checksum: String,
    statistics: LatentStatistics = LatentStatistics()
  ) {
    autoencoderKind = kind
    autoencoderChecksum = checksum
    scaleFactor = codec.scaling.factor
    self.statistics = statistics.areNeutral ? nil : statistics
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

  /// Image size over latent size.
  public var downsamplingFactor: Int { imageSize / latentShape[1] }

  /// The number of shards.
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

  /// The differences from other settings, in words: there, then here.
  func differences(from other: LatentCacheSettings) -> [String] {
    let pairs: [(String, String, String)] = [
      ("autoencoder", other.autoencoderName, autoencoderName),
      ("scale factor", "\(other.scaleFactor)", "\(scaleFactor)"),
      ("statistics", other.statisticsText, statisticsText),
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

  private var statisticsText: String {
    statistics.map { "\($0.means) \($0.deviations)" } ?? "none"
  }

  /// Kind and checksum of the autoencoder.
  public var autoencoderName: String { "\(autoencoderKind) \(autoencoderChecksum)" }

  /// The first impossible value in settings from a file; nil if all are possible.
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
      ?? check(statistics?.fault(channelCount: latentShape[0]) == nil, "statistics")
  }
}
