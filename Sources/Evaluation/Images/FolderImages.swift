internal import Dispatch
internal import Files
internal import Foundation
public import ImageData
internal import Synchronization
internal import Torch

/// The images of a folder and of the folders below it.
public struct FolderImages: EvaluatedImages, Sendable {
  /// The images' files.
  public let files: ImageFiles
  /// Height and width in pixels.
  public let height, width: Int
  /// Whether images are cropped and resized to that size.
  public let areCropped: Bool
  /// The class of each image; nil if neither file names nor folders tell.
  public let labels: [Int]?
  /// The folders, if images are labelled by them.
  public let classNames: [String]?

  /// Lists a folder.
  ///
  /// - Parameters:
  ///   - path: the folder. Of the output of a job without grid, as `sample.json` beside it tells.
  ///   - imageSize: crops the centre square of each image to that size, as ADM's preparation of ImageNet
  ///     does (`RGBImage.centerCropped`); nil if all images have one size already.
  /// - Throws: `ImageError` for a folder without images; `EvaluationError` for images of several sizes,
  ///   which are named.
  public init(_ path: String, imageSize: Int? = nil) throws {
    files = try ImageFiles(
      path, leavingOut: Folder.hasFile(path + "/sample.json") ? ["grid.png"] : [])
    let places = (0..<files.count).compactMap(files.folder)
    let areInFolders = places.count == files.count
    labels = areInFolders ? places : FolderImages.numbers(of: files)
    classNames = areInFolders ? files.folders : nil
    areCropped = imageSize != nil
    if let imageSize {
      (height, width) = (imageSize, imageSize)
    } else {
      (height, width) = try FolderImages.commonSize(of: files)
    }
  }

  /// The folder.
  public var name: String { files.path }
  /// Number of images.
  public var count: Int { files.count }

  /// ADM's crop, if images are cropped.
  public var resizing: String {
    areCropped ? "centre square of ADM, \(width) x \(height)" : "none"
  }

  /// The files by name, size and time of change.
  public var fingerprint: [String: String] {
    var digest = SHA256()
    for index in 0..<files.count {
      let stamp = (try? FileStamp.text(of: files.path(at: index))) ?? "missing"
      Array((files.relativePath(at: index) + "\0" + stamp + "\n").utf8).withUnsafeBytes {
        digest.add($0)
      }
    }
    return [
      "folder": files.path, "files": digest.text(), "image_size": "\(width)x\(height)",
      "cropped": "\(areCropped)",
    ]
  }

  /// The path within the folder.
  public func name(of index: Int) -> String { files.relativePath(at: index) }

  /// Reads some of the images, on all cores.
  public func images(_ range: Range<Int>, check: () throws -> Void) throws -> PixelBatch {
    try check()
    let read = Mutex([Int: Result<RGBImage, ImageError>]())
    let enlargedCount = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: range.count) { place in
      let index = range.lowerBound + place
      let result = Result { () throws(ImageError) in try image(index) }
      read.withLock { $0[place] = result }
      if case .success = result, isEnlarged(index) { enlargedCount.withLock { $0 += 1 } }
    }
    let results = read.withLock { $0 }
    var (pixels, leftOut): ([UInt8], [LeftOutImage]) = ([], [])
    let byteCount = 3 * height * width
    for (place, index) in range.enumerated() {
      switch results[place] {
      case .success(let image): pixels += image.pixels
      case .failure(let error):
        pixels += [UInt8](repeating: 0, count: byteCount)
        leftOut.append(
          .init(index: index, name: name(of: index), reason: error.message))
      case nil: fatalError("FolderImages: image \(index) was not read")
      }
    }
    let shape = [range.count, height, width, 3]
    return PixelBatch(
      pixels: try withTorchErrors { Tensor(pixels, shape: shape) }, leftOut: leftOut,
      enlargedCount: enlargedCount.withLock { $0 })
  }

  private func image(_ index: Int) throws(ImageError) -> RGBImage {
    let path = files.path(at: index)
    let image: RGBImage
    do {
      image =
        areCropped
        ? try RGBImage(contentsOf: path, croppedTo: width) : try RGBImage(contentsOf: path)
    } catch let error as ImageError {
      throw error
    } catch {
      throw ImageError("\(error)")
    }
    guard (image.width, image.height) == (width, height) else {
      throw ImageError(
        "'\(path)' has \(image.width) x \(image.height) pixels, not \(width) x \(height)")
    }
    return image
  }

  /// Whether an image is smaller than the size to which it is cropped.
  private func isEnlarged(_ index: Int) -> Bool {
    guard areCropped, let size = RGBImage.size(ofFile: files.path(at: index)) else { return false }
    return min(size.width, size.height) < width
  }

  /// The size that all images have. Files without a head are left to `images`.
  private static func commonSize(of files: ImageFiles) throws -> (Int, Int) {
    var (size, others): ((width: Int, height: Int)?, [String]) = (nil, [])
    for index in 0..<files.count {
      guard let found = RGBImage.size(ofFile: files.path(at: index)) else { continue }
      guard let first = size else {
        size = found
        continue
      }
      if found != first {
        others.append("\(files.relativePath(at: index)) (\(found.width) x \(found.height))")
      }
    }
    guard let size else {
      throw EvaluationError(.noImages, "no file in '\(files.path)' is an image that can be read")
    }
    guard others.isEmpty else {
      let list = others.prefix(3).joined(separator: ", ") + (others.count > 3 ? ", ..." : "")
      throw EvaluationError(
        .otherSize,
        "\(others.count) of the \(files.count) images in '\(files.path)' have another size than the first,"
          + " \(size.width) x \(size.height) pixels: \(list)")
    }
    return (size.height, size.width)
  }

  /// Classes as file names tell them: `000012-class-207.png`, `class-207-0001.png`.
  private static func numbers(of files: ImageFiles) -> [Int]? {
    var labels: [Int] = []
    for index in 0..<files.count {
      let name = (files.relativePath(at: index) as NSString).lastPathComponent
      guard let match = name.firstMatch(of: /(?:^|-)class-(\d+)(?:-\d+)?\.png$/),
        let label = Int(match.1)
      else { return nil }
      labels.append(label)
    }
    return labels
  }
}
