internal import Files
internal import ArgumentParser
internal import ImageData
internal import Torch

/// `dit benchmark data`
struct BenchmarkDataCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Time reading and cropping the images of a folder.",
    discussion: """
      Uses one thread, like each data worker of training. Prints milliseconds per image, for decoding \
      and for cropping.

        dit benchmark data --data-path imagenet/val --image-size 256 --json
      """)

  @Option(help: "A folder of class folders, or with image_caption.csv.", completion: .file())
  var dataPath: String
  @Option(help: "The side of the square crops in pixels.") var imageSize = 256
  @Option(help: "Timed passes over the folder, after one to warm up.") var steps = 3
  @Option(help: "Shrink large JPEG files while decoding.")
  var reduceWhileDecoding = false
  @OptionGroup var output: BenchmarkOutput

  func validate() throws {
    try Bounds.imageSizes.check(imageSize, "--image-size")
    try Bounds.counts.check(steps, "--steps")
  }

  func run() throws {
    try LibTorch.setThreadCount(1)
    let report = try ImageReadingBenchmark(
      folder: ImageFolder(dataPath), imageSize: imageSize, passCount: steps,
      reducesWhileDecoding: reduceWhileDecoding
    ).run()
    let seconds = report.secondsToDecode + report.secondsToCrop
    try output.show(
      """
      \(report.imageCount) images cropped to \(imageSize) px, one thread
      \(seconds * 1000) ms an image: \(report.secondsToDecode * 1000) to decode, \
      \(report.secondsToCrop * 1000) to crop
      """,
      [
        "seconds_per_image": seconds, "decode_seconds": report.secondsToDecode,
        "crop_seconds": report.secondsToCrop, "images": report.imageCount, "threads": 1,
      ])
  }
}
