internal import Torch

/// Times reading and cropping the images of a folder, one after another on one thread.
public struct ImageReadingBenchmark {
  /// The images.
  public var folder: ImageFolder
  /// The side of the square crops in pixels, above 0.
  public var imageSize: Int
  /// Timed passes over the folder, above 0; one more goes before them.
  public var passCount: Int
  /// Lets large JPEG files shrink while they are decoded; see `RGBImage`.
  public var reducesWhileDecoding: Bool

  /// What was measured.
  public struct Report: Sendable {
    /// Images of a pass.
    public var imageCount: Int
    /// Reading and decoding an image, the mean over all passes.
    public var secondsToDecode: Double
    /// Cropping an image, the mean over all passes.
    public var secondsToCrop: Double
  }

  /// A benchmark with all that it needs to know.
  public init(
    folder: ImageFolder, imageSize: Int, passCount: Int, reducesWhileDecoding: Bool = false
  ) {
    self.folder = folder
    self.imageSize = imageSize
    self.passCount = passCount
    self.reducesWhileDecoding = reducesWhileDecoding
  }

  /// Runs it.
  ///
  /// - Throws: `ImageError` if an image cannot be read.
  public func run() throws -> Report {
    _ = try pass()
    var (decoding, cropping) = (Duration.zero, Duration.zero)
    for _ in 0..<passCount {
      let times = try pass()
      decoding += times.decoding
      cropping += times.cropping
    }
    let count = Double(passCount * folder.count)
    return Report(
      imageCount: folder.count, secondsToDecode: decoding.inSeconds / count,
      secondsToCrop: cropping.inSeconds / count)
  }

  private func pass() throws -> (decoding: Duration, cropping: Duration) {
    let clock = ContinuousClock()
    var (decoding, cropping) = (Duration.zero, Duration.zero)
    for number in 0..<folder.count {
      let started = clock.now
      let image = try RGBImage(
        contentsOf: folder.path(at: number), halvedFor: reducesWhileDecoding ? imageSize : nil)
      let decoded = clock.now
      _ = try image.centerCropped(to: imageSize)
      decoding += started.duration(to: decoded)
      cropping += decoded.duration(to: clock.now)
    }
    return (decoding, cropping)
  }
}
