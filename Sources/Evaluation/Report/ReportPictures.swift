internal import Foundation
internal import ImageData
internal import Torch

/// The pictures of a report: which images of which set, and what is said of each.
struct ReportPictures {
  /// One picture.
  struct Picture {
    let image: RGBImage
    let caption: String
  }

  /// Samples of some classes, a row each.
  let sheet: [(title: String, pictures: [Picture])]
  /// Samples, each followed by the image of the reference next to it.
  let neighbors: [(sample: Picture, reference: Picture)]
  /// Samples furthest outside the reference's manifold.
  let worst: [(sample: Picture, reference: Picture)]

  /// How many of each a page has.
  static let (classCount, rowLength, neighborCount) = (24, 6, 12)

  /// Chooses and reads pictures.
  ///
  /// - Parameters:
  ///   - samples: the samples.
  ///   - isAvailable: whether a sample can be read again.
  ///   - reference: the reference's images; nil if there are none.
  ///   - comparison: which reference image is next to each sample, and how near; nil without one.
  ///   - numbers: the number of each compared sample in its set, and of each compared reference image.
  ///   - check: called before each image; throws to stop.
  /// - Throws: what reading the images throws; what `check` throws.
  init(
    of samples: any EvaluatedImages, isAvailable: (Int) -> Bool, reference: (any EvaluatedImages)?,
    comparison: PrecisionRecall.Result?, numbers: (samples: [Int], reference: [Int]),
    check: () throws -> Void
  ) throws {
    let labels = samples.labels
    func name(_ label: Int) -> String {
      guard let names = samples.classNames, names.indices.contains(label) else {
        return "class \(label)"
      }
      return names[label]
    }
    let groups = ReportPictures.groups(numbers.samples.filter(isAvailable), labels)
    let rows = numbers.samples.indices.filter { isAvailable(numbers.samples[$0]) }
    let near = ReportPictures.firstOfEach(rows) { labels?[numbers.samples[$0]] }
    let far = comparison.map { ReportPictures.furthest(rows, $0) } ?? []
    let compared = near + far
    let drawn = try ReportPictures.read(
      groups.flatMap(\.self) + compared.map { numbers.samples[$0] }, of: samples, check)
    sheet = groups.map { group in
      let title = labels.map { name($0[group[0]]) } ?? "Samples"
      return (
        title,
        group.compactMap { index in drawn[index].map { .init(image: $0, caption: "\(index)") } }
      )
    }
    guard let reference, let comparison else {
      (neighbors, worst) = ([], [])
      return
    }
    let real = try ReportPictures.read(
      compared.map { numbers.reference[comparison.nearest[$0]] }, of: reference, check)
    func pair(_ row: Int) -> (sample: Picture, reference: Picture)? {
      let (index, next) = (numbers.samples[row], numbers.reference[comparison.nearest[row]])
      guard let sample = drawn[index], let neighbor = real[next] else { return nil }
      let label = labels.map { ", " + name($0[index]) } ?? ""
      let distance = comparison.nearestDistance[row].squareRoot()
      return (
        Picture(image: sample, caption: "sample \(index)\(label)"),
        Picture(image: neighbor, caption: String(format: "distance %.3g", distance))
      )
    }
    neighbors = near.compactMap(pair)
    worst = far.compactMap(pair)
  }

  /// Reads images in their order, in which a compressed archive is quick.
  private static func read(
    _ numbers: [Int], of images: any EvaluatedImages, _ check: () throws -> Void
  ) throws -> [Int: RGBImage] {
    var found: [Int: RGBImage] = [:]
    for index in Set(numbers).sorted() {
      try check()
      let batch = try images.images(index..<index + 1, check: check)
      found[index] = RGBImage(
        width: images.width, height: images.height, pixels: batch.pixels.elements(UInt8.self))
    }
    return found
  }

  /// Rows furthest outside the reference's manifold, in radii of the nearest image's ball.
  private static func furthest(_ rows: [Int], _ comparison: PrecisionRecall.Result) -> [Int] {
    let ratios = rows.filter { !comparison.isInside[$0] }.map { row in
      let radius = comparison.referenceRadius[comparison.nearest[row]]
      return (row: row, ratio: comparison.nearestDistance[row] / max(radius, 1e-12))
    }
    return ratios.sorted { $0.ratio > $1.ratio }.prefix(neighborCount).map(\.row)
  }

  /// Some samples of some classes, or of all without labels.
  private static func groups(_ shown: [Int], _ labels: [Int]?) -> [[Int]] {
    guard let labels else {
      let some = spread(shown, classCount * rowLength)
      return some.isEmpty ? [] : [some]
    }
    let byClass = Dictionary(grouping: shown) { labels[$0] }.sorted { $0.key < $1.key }
    return spread(byClass, classCount).map { Array($0.value.prefix(rowLength)) }
  }

  /// Rows of different classes, or at equal distances without labels.
  private static func firstOfEach(_ rows: [Int], _ label: (Int) -> Int?) -> [Int] {
    let byClass = Dictionary(grouping: rows, by: label).sorted { $0.value[0] < $1.value[0] }
    guard byClass.count > 1 else { return spread(rows, neighborCount) }
    return spread(byClass.map { $0.value[0] }, neighborCount)
  }

  /// At most `count` elements at equal distances.
  private static func spread<Element>(_ elements: [Element], _ count: Int) -> [Element] {
    guard elements.count > count else { return elements }
    return (0..<count).map { elements[$0 * elements.count / count] }
  }
}
