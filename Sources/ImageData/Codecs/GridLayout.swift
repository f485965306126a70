/// The places of images in a grid, row by row.
public struct GridLayout: Sendable, Equatable {
  /// Images of a row.
  public var columns: Int { groupsOfRow * width }
  /// Rows.
  public let rows: Int
  /// Whether each group has one row of its own.
  public let hasRowForEachGroup: Bool

  private let groupSize: Int
  /// Columns and rows of a group.
  private let width: Int
  private let height: Int
  private let groupsOfRow: Int

  /// The most groups with a row each, and the most images of a group in one row.
  private static let longest = 16

  /// One or more images, row by row.
  ///
  /// - Parameters:
  ///   - imageCount: how many.
  ///   - columns: images of a row; if nil, about the square root of their number.
  public init(imageCount: Int, columns: Int? = nil) {
    guard imageCount > 0 else { fatalError("GridLayout: no images") }
    // The smallest number of columns with a grid no higher than wide.
    let best = (1...imageCount).first { $0 * $0 >= imageCount } ?? 1
    self.init(groupCount: 1, groupSize: imageCount, width: min(columns ?? best, imageCount))
  }

  /// Groups of images, such as those of a class, one after another. Each gets a row, if there are at most
  /// 16 groups of at most 16 images. More images take several rows, and more groups share rows.
  ///
  /// - Parameters:
  ///   - groupCount: above 0; for one group, or groups of one image, the grid is about as wide as high.
  ///   - groupSize: images of each group, above 0.
  public init(groupCount: Int, groupSize: Int) {
    guard groupCount > 1, groupSize > 1 else {
      self.init(imageCount: groupCount * groupSize)
      return
    }
    let height = (groupSize + GridLayout.longest - 1) / GridLayout.longest
    let width = (groupSize + height - 1) / height
    var groupsOfRow = 1
    if groupCount > GridLayout.longest {
      while groupsOfRow * groupsOfRow * width < groupCount * height { groupsOfRow += 1 }
    }
    self.init(
      groupCount: groupCount, groupSize: groupSize, width: width, groupsOfRow: groupsOfRow)
  }

  private init(groupCount: Int, groupSize: Int, width: Int, groupsOfRow: Int = 1) {
    self.groupSize = groupSize
    self.width = width
    self.groupsOfRow = groupsOfRow
    height = (groupSize + width - 1) / width
    rows = (groupCount + groupsOfRow - 1) / groupsOfRow * height
    hasRowForEachGroup = groupCount > 1 && height == 1 && groupsOfRow == 1
  }

  /// The row and column of an image, from 0.
  public func place(of image: Int) -> (row: Int, column: Int) {
    let (group, member) = image.quotientAndRemainder(dividingBy: groupSize)
    return (
      group / groupsOfRow * height + member / width, group % groupsOfRow * width + member % width
    )
  }
}
