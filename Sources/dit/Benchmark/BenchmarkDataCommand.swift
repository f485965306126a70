internal import Files
internal import ArgumentParser
internal import ImageData
internal import Torch

/// `dit benchmark data`
struct BenchmarkDataCommand: ParsableCommand, StoppedAtOnce {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Time reading and cropping the images of a folder.",
    discussion: """
      One thread, as each of the workers of training has it. Prints milliseconds per image, those to \
      decode it and those to crop it.

        dit benchmark data --data-path imagenet/val --image-size 256 --json
      """)

  @Option(help: "A folder of class folders, or with image_caption.csv.") var dataPath: String
  @Option(help: "The side of the square crops in pixels.") var imageSize = 256
  @Option(help: "Timed passes over the folder, after one that is not.") var steps = 3
  @Option(help: "Let large JPEG files shrink while they are decoded.")
  var reduceWhileDecoding = false
  @Option(help: "Print one JSON object.") var json = false

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
    guard json else {
      print(
        """
        \(report.imageCount) images cropped to \(imageSize) px, one thread
        \(seconds * 1000) ms an image: \(report.secondsToDecode * 1000) to decode, \
        \(report.secondsToCrop * 1000) to crop
        """)
      return
    }
    let line = try JSON.line([
      "seconds_per_image": seconds, "decode_seconds": report.secondsToDecode,
      "crop_seconds": report.secondsToCrop, "images": report.imageCount, "threads": 1,
    ])
    print(line)
  }
}
