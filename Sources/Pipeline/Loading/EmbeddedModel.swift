internal import CEmbeddedModel
public import Checkpoint
internal import Files

/// The model that is built into the library.
public enum EmbeddedModel {
  /// Stands for the model's path in messages.
  public static let name = "built-in model"

  /// Stands for the autoencoder's path in messages.
  public static let autoencoderName = "built-in autoencoder"

  /// Whether a text stands for the model's path, also in records of earlier versions.
  public static func isName(_ text: String) -> Bool { current(text) == name }

  /// Whether a text stands for the autoencoder's path, also in records of earlier versions.
  public static func isAutoencoderName(_ text: String) -> Bool { current(text) == autoencoderName }

  /// A name or stamp as this version writes it. Earlier ones called the model embedded.
  static func current(_ text: String) -> String {
    let former = ["embedded model": name, "embedded autoencoder": autoencoderName]
    guard let (old, new) = former.first(where: { text.hasPrefix($0.key) }) else { return text }
    return new + text.dropFirst(old.count)
  }

  /// The DiT's checkpoint, without a copy.
  ///
  /// - Throws: `CheckpointError` if the library was built with a damaged file.
  public static func checkpoint() throws -> Checkpoint {
    try Checkpoint.embedded(
      bytes: UnsafeRawBufferPointer(start: embedded_model, count: embedded_model_size), name: name)
  }

  /// The checkpoint of its autoencoder.
  ///
  /// - Throws: `CheckpointError` if the library was built with a damaged file.
  public static func autoencoder() throws -> Checkpoint {
    try Checkpoint.embedded(
      bytes: UnsafeRawBufferPointer(
        start: embedded_autoencoder, count: embedded_autoencoder_size), name: autoencoderName)
  }

  /// A checksum of both, which tells builds with other models apart.
  public static var stamp: String {
    let parts = [
      UnsafeRawBufferPointer(start: embedded_model, count: embedded_model_size),
      UnsafeRawBufferPointer(start: embedded_autoencoder, count: embedded_autoencoder_size),
    ]
    return "\(name), " + parts.map { CRC32.text(CRC32.checksum($0)) }.joined(separator: "-")
  }

  /// The SHA-256 of the DiT's file, as 64 hexadecimal digits.
  static var digest: String {
    SHA256.text(of: UnsafeRawBufferPointer(start: embedded_model, count: embedded_model_size))
  }

  /// The SHA-256 of the autoencoder's file, as 64 hexadecimal digits.
  static var autoencoderDigest: String {
    SHA256.text(
      of: UnsafeRawBufferPointer(start: embedded_autoencoder, count: embedded_autoencoder_size))
  }

  /// The names of ImageNet's 1,000 classes.
  static var imageNetNames: [String] {
    lines(embedded_imagenet_names, embedded_imagenet_names_size)
  }

  /// ImageNet's 1,000 synsets: `n01440764 tench, Tinca tinca`.
  static var imageNetSynsets: [String] {
    lines(embedded_imagenet_synsets, embedded_imagenet_synsets_size)
  }

  private static func lines(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> [String] {
    String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }
}
