internal import Files
internal import Foundation

/// The table of contents of a cache of latents: `manifest.json`.
public struct LatentCacheManifest: Codable, Equatable, Sendable {
  /// An image that could not be read and has no row.
  public struct BrokenRow: Codable, Equatable, Sendable {
    /// Its number in the folder.
    public var image: Int
    /// Its path, relative to the folder.
    public var file: String
  }

  /// A file of the cache.
  public struct Shard: Codable, Equatable, Sendable {
    /// The index of its first row, over all shards.
    public var firstRow: Int
    /// The number of its rows: one for each readable image.
    public var rowCount: Int
    /// The size of the file in bytes.
    public var byteCount: Int
    /// The CRC-32 of the file, in hexadecimal digits.
    public var crc32: String
    /// The images that could not be read.
    public var broken: [BrokenRow]
  }

  /// What the cache holds.
  public var settings: LatentCacheSettings
  /// Its files, in order.
  public var shards: [Shard]

  /// The name of the manifest in the cache's folder.
  public static let fileName = "manifest.json"

  /// Whether a folder is a cache of latents.
  public static func isCache(_ folder: String) -> Bool { Folder.hasFile(folder + "/" + fileName) }

  /// Whether a folder is a cache of latents that is not finished, or has lost its manifest.
  public static func isUnfinished(_ folder: String) -> Bool {
    guard !isCache(folder) else { return false }
    let plan: LatentCacheSettings? = try? JSONFile.read(folder + "/" + planFileName)
    return plan != nil || Folder.hasFile(shardPath(folder, 0))
  }

  /// The name of the file that holds the settings until the manifest is written.
  static let planFileName = "plan.json"

  /// The path of a shard.
  static func shardPath(_ folder: String, _ index: Int) -> String {
    folder + String(format: "/shard-%05d.safetensors", index)
  }

  /// A manifest of shards in order.
  init(_ settings: LatentCacheSettings, _ shards: [Shard]) {
    self.settings = settings
    var row = 0
    self.shards = shards.map { shard in
      var shard = shard
      shard.firstRow = row
      row += shard.rowCount
      return shard
    }
  }

  /// Reads the manifest of a cache.
  ///
  /// - Parameter folder: the cache.
  /// - Throws: `TrainingError` if it is damaged or of another layout; `FileError`.
  public init(_ folder: String) throws {
    let path = folder + "/" + LatentCacheManifest.fileName
    let version: Version = try JSONFile.read(path)
    guard version.settings.version == LatentCacheSettings.currentVersion else {
      throw TrainingError(
        .cacheDamaged,
        "'\(path)' has layout \(version.settings.version) and this program reads"
          + " \(LatentCacheSettings.currentVersion)")
    }
    self = try JSONFile.read(path)
    if let fault = settings.fault ?? shardFault {
      throw TrainingError(.cacheDamaged, "'\(path)' is damaged: \(fault)")
    }
  }

  private struct Version: Decodable {
    struct Settings: Decodable { let version: Int }
    let settings: Settings
  }

  private var shardFault: String? {
    guard shards.count == settings.shardCount else {
      return "\(shards.count) shards for \(settings.imageCount) images"
    }
    var row = 0
    for (index, shard) in shards.enumerated() {
      let images = settings.images(of: index)
      let broken = shard.broken.map(\.image)
      guard shard.firstRow == row, shard.rowCount == images.count - broken.count,
        broken.allSatisfy(images.contains), zip(broken, broken.dropFirst()).allSatisfy(<)
      else { return "shard \(index) has other rows than its images" }
      row += shard.rowCount
    }
    return row > 0 ? nil : "no image could be read"
  }
}

/// Small JSON files in snake_case, the same bytes for the same content.
enum JSONFile {
  static func write(_ value: some Encodable, to path: String) throws {
    try AtomicFile.write(try JSON.report(value) + "\n", to: path)
  }

  static func read<Value: Decodable>(_ path: String) throws -> Value {
    let file = try MappedFile(path)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    do {
      return try decoder.decode(Value.self, from: Data(file.bytes))
    } catch let error as DecodingError {
      throw TrainingError(.cacheDamaged, "'\(path)' is damaged: \(JSONFile.brief(error))")
    }
  }

  private static func brief(_ error: DecodingError) -> String {
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .keyNotFound(_, let context), .dataCorrupted(let context):
      context.debugDescription
    @unknown default: "\(error)"
    }
  }
}
