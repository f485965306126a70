/// Arranges images of one size in a grid.
public enum ImageGrid {
  /// White between the images, in pixels.
  public static let gap = 2

  /// A grid of one or more images, row by row, about as wide as high.
  ///
  /// - Parameters:
  ///   - images: all of one size.
  ///   - columns: images of a row; if nil, about the square root of their number.
  /// - Returns: the grid, on white.
  public static func grid(_ images: [RGBImage], columns: Int? = nil) -> RGBImage {
    grid(images, GridLayout(imageCount: images.count, columns: columns))
  }

  /// A grid of one or more images.
  ///
  /// - Parameters:
  ///   - images: all of one size, as many as the layout is for.
  ///   - layout: their places.
  /// - Returns: the grid, on white.
  public static func grid(_ images: [RGBImage], _ layout: GridLayout) -> RGBImage {
    guard let first = images.first else { fatalError("ImageGrid: no images") }
    let (cellWidth, cellHeight) = (first.width + gap, first.height + gap)
    let (width, height) = (layout.columns * cellWidth + gap, layout.rows * cellHeight + gap)
    var pixels = [UInt8](repeating: 255, count: 3 * width * height)
    for (index, image) in images.enumerated() {
      let place = layout.place(of: index)
      let (x, y) = (gap + place.column * cellWidth, gap + place.row * cellHeight)
      for row in 0..<image.height {
        let start = 3 * ((y + row) * width + x)
        let source = 3 * row * image.width
        pixels.replaceSubrange(
          start..<start + 3 * image.width, with: image.pixels[source..<source + 3 * image.width])
      }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}
