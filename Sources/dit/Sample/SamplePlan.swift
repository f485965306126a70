internal import Foundation

/// Which images are made, in which order and batches, and what their files are called.
struct SamplePlan {
  /// One image to be.
  struct Image {
    let label: Int
    let fileName: String
  }

  /// All of them, in the order of the labels.
  let images: [Image]
  /// Images at a time; the last batch may have fewer.
  let batchSize: Int

  /// The most images at a time if nobody says.
  static let defaultBatchSize = 8

  init(labels: [Int], imagesPerLabel: Int, batchSize: Int?) {
    let all = labels.flatMap { Array(repeating: $0, count: imagesPerLabel) }
    let totals = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
    var counts: [Int: Int] = [:]
    images = all.map { label in
      counts[label, default: 0] += 1
      let number = totals[label] == 1 ? "" : String(format: "-%04d", counts[label] ?? 0)
      return Image(label: label, fileName: "class-\(label)\(number).png")
    }
    self.batchSize = min(batchSize ?? SamplePlan.defaultBatchSize, images.count)
  }

  /// The names of all images' files.
  var fileNames: [String] { images.map(\.fileName) }

  /// The images in batches.
  var batches: [ArraySlice<Image>] {
    stride(from: 0, to: images.count, by: batchSize).map {
      images[$0..<min($0 + batchSize, images.count)]
    }
  }
}
