internal import Files
internal import ImageData
internal import Torch

/// The images of a folder that a judge is trained on and tried on.
struct JudgeImages {
  /// Numbers in the folder, in order.
  let numbers: [Int]
  private let folder: ImageFolder
  private let settings: JudgeSettings

  /// Chooses the images, all of them or a part that the seed draws.
  ///
  /// - Throws: `EvaluationError` if there are too few images or classes.
  init(_ folder: ImageFolder, _ settings: JudgeSettings) throws {
    guard settings.imageSize > 0, (0..<1).contains(settings.heldOutShare) else {
      fatalError("JudgeImages: \(settings)")
    }
    self.folder = folder
    self.settings = settings
    let limit = JudgeSettings.imageLimit
    numbers =
      folder.count <= limit
      ? Array(0..<folder.count)
      : Self.shuffled(folder.count, seed: settings.seed).prefix(limit).sorted()
    let classes = Set(numbers.map(folder.label(at:)))
    guard classes.count > 1 else {
      throw EvaluationError(
        .noClasses,
        "the images of '\(folder.path)' have one class; a judge learns to tell several apart")
    }
    guard numbers.count >= Self.leastCount else {
      throw EvaluationError(
        .tooFewImages,
        "'\(folder.path)' has \(numbers.count) images; a judge needs \(Self.leastCount) at least")
    }
  }

  private static let leastCount = 10

  /// The images that are held out: of each class of several, its share, rounded, and at least one.
  var heldOut: Set<Int> {
    var byClass: [Int: [Int]] = [:]
    for place in Self.shuffled(numbers.count, seed: settings.seed &+ 1) {
      byClass[folder.label(at: numbers[place]), default: []].append(numbers[place])
    }
    var result: Set<Int> = []
    for images in byClass.values where images.count > 1 {
      let count = Int((Double(images.count) * settings.heldOutShare).rounded())
      result.formUnion(images.prefix(min(max(count, 1), images.count - 1)))
    }
    return result
  }

  /// SHA-256 of the names of the classes, and of names, classes and contents of the images.
  ///
  /// - Parameter check: called before each image; throws to stop.
  /// - Returns: 64 hexadecimal digits.
  /// - Throws: what `check` throws. An image that cannot be read counts by its name alone: reading tells.
  func digest(check: () throws -> Void) throws -> String {
    var digest = SHA256()
    func add(_ text: String) {
      var text = text + "\0"
      text.withUTF8 { digest.add(UnsafeRawBufferPointer($0)) }
    }
    folder.classNames.forEach(add)
    for number in numbers {
      try check()
      add("\(folder.label(at: number)) \(folder.relativePath(at: number))")
      guard let file = try? MappedFile(folder.path(at: number)) else { continue }
      withExtendedLifetime(file) { digest.add(file.bytes) }
    }
    return digest.text()
  }

  /// Reads the images, cropped to the size of those that will be judged, then resized to the network's.
  ///
  /// - Parameters:
  ///   - onEvent: told how many have been read.
  ///   - check: called for each part; throws to stop.
  /// - Returns: pixels by number, each `[H, W, 3]`; broken images are left out.
  /// - Throws: `ImageError` if too many images are broken; what `check` throws.
  func pixels(
    onEvent: (JudgeEvent) -> Void, check: () throws -> Void
  ) throws -> [Int: [UInt8]] {
    let reader = ImageRangeReader(
      folder, numbers: numbers, imageSize: settings.imageSize, partSize: 64, workerCount: 4)
    let (size, side) = (settings.imageSize, settings.inputSize)
    var result: [Int: [UInt8]] = [:]
    var broken: [BrokenImage] = []
    var done = 0
    while let part = reader.next() {
      try check()
      broken += part.broken.values
      guard broken.count <= folder.brokenImageLimit else {
        let reasons = broken.map(\.reason).sorted().prefix(3)
        throw ImageError(folder.tooManyBroken(broken.count, reasons: reasons))
      }
      let count = part.numbers.count
      done += count + part.broken.count
      onEvent(.reading(done: done, of: numbers.count))
      guard count > 0 else { continue }
      let resized = try RGBImage.resizedAsPillow(
        Tensor(part.pixels, shape: [count, size, size, 3]), height: side, width: side,
        check: check)
      for (place, number) in part.numbers.enumerated() {
        result[number] = resized[place].elements(UInt8.self)
      }
    }
    return result
  }

  /// The numbers below `count` in an order that the seed draws.
  private static func shuffled(_ count: Int, seed: UInt64) -> [Int] {
    var order = SampleOrder(imageCount: count, epochLength: count, seed: seed)
    let epoch = order.place(at: 0).order
    return (0..<count).map(epoch.image(at:))
  }
}
