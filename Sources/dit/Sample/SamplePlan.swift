internal import Foundation
internal import ImageData
internal import Pipeline

/// The images of `dit sample`: their order, batches and file names.
struct SamplePlan {
  /// One image.
  struct Image {
    let label: Int
    let fileName: String
  }

  /// The labels, in their order.
  let labels: [Int]
  /// All images, in the order of the labels.
  let images: [Image]
  /// Images at a time; the last batch may have fewer.
  let batchSize: Int
  /// The places of the images in the grid.
  let grid: GridLayout

  init(labels: [Int], imagesPerLabel: Int, batchSize: Int?) {
    self.labels = labels
    let all = labels.flatMap { Array(repeating: $0, count: imagesPerLabel) }
    let totals = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
    var counts: [Int: Int] = [:]
    images = all.map { label in
      counts[label, default: 0] += 1
      let number = totals[label] == 1 ? "" : String(format: "-%04d", counts[label] ?? 0)
      return Image(label: label, fileName: "class-\(label)\(number).png")
    }
    grid = GridLayout(groupCount: labels.count, groupSize: imagesPerLabel)
    self.batchSize = min(batchSize ?? SamplingSettings.defaultBatchSize, images.count)
  }

  /// The file names of all images.
  var fileNames: [String] { images.map(\.fileName) }

  /// The images, batch by batch.
  var batches: [ArraySlice<Image>] {
    stride(from: 0, to: images.count, by: batchSize).map {
      images[$0..<min($0 + batchSize, images.count)]
    }
  }
}
