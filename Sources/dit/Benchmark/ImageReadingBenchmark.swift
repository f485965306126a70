internal import ImageData
internal import Torch

/// Times reading and cropping the images of a folder, one after another on one thread.
struct ImageReadingBenchmark {
  /// The images.
  var folder: ImageFolder
  /// The side of the square crops in pixels.
  var imageSize: Int
  /// Timed passes over the folder, after one to warm up.
  var passCount: Int
  /// Whether large JPEG files shrink during decoding.
  var reducesWhileDecoding: Bool

  /// The result.
  struct Report {
    /// Images of one pass.
    let imageCount: Int
    /// The mean seconds to read and decode an image.
    let secondsToDecode: Double
    /// The mean seconds to crop an image.
    let secondsToCrop: Double
  }

  /// Reads and crops all images.
  ///
  /// - Throws: `ImageError` if an image cannot be read.
  func run() throws -> Report {
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
