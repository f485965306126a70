extension RGBImage {
  /// The image at half width and height, rounded down, by averages over boxes.
  ///
  /// Boxes are two pixels a side; an odd side has one box of three. Averages are taken and rounded
  /// along rows, then columns, as in Pillow's BOX filter. Both sides need two pixels.
  func boxHalved() -> RGBImage {
    let (newWidth, newHeight) = (width / 2, height / 2)
    let count = 3 * newWidth * newHeight
    let columns = boxStarts(width)
    let rows = boxStarts(height)
    let halved = pixels.withUnsafeBufferPointer { source in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3 * 3 * newWidth) { lines in
        [UInt8](unsafeUninitializedCapacity: count) { target, initializedCount in
          for y in 0..<newHeight {
            let boxHeight = rows[y + 1] - rows[y]
            for line in 0..<boxHeight {
              halveRow(
                UnsafeBufferPointer(rebasing: source[(3 * width * (rows[y] + line))...]),
                into: UnsafeMutableBufferPointer(rebasing: lines[(3 * newWidth * line)...]),
                columns)
            }
            averageRows(
              UnsafeBufferPointer(lines), count: boxHeight,
              into: UnsafeMutableBufferPointer(rebasing: target[(3 * newWidth * y)...]),
              length: 3 * newWidth)
          }
          initializedCount = count
        }
      }
    }
    return RGBImage(width: newWidth, height: newHeight, pixels: halved)
  }
}

/// The start of each box along a side, and the end of the last. Box i spans i size / half to
/// (i + 1) size / half; a pixel belongs to the box of its centre.
private func boxStarts(_ size: Int) -> [Int] {
  let half = size / 2
  return (0...half).map { (2 * $0 * size + half) / (2 * half) }
}

private func halveRow(
  _ source: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>,
  _ columns: [Int]
) {
  for x in 0..<columns.count - 1 {
    let place = 3 * columns[x]
    let isWide = columns[x + 1] - columns[x] == 3
    for c in place..<place + 3 {
      let pair = UInt16(source[c]) + UInt16(source[c + 3])
      let mean = isWide ? (2 * (pair + UInt16(source[c + 6])) + 3) / 6 : (pair + 1) / 2
      target[3 * x + c - place] = UInt8(truncatingIfNeeded: mean)
    }
  }
}

private func averageRows(
  _ lines: UnsafeBufferPointer<UInt8>, count: Int,
  into target: UnsafeMutableBufferPointer<UInt8>, length: Int
) {
  for i in 0..<length {
    let pair = UInt16(lines[i]) + UInt16(lines[length + i])
    let mean = count == 3 ? (2 * (pair + UInt16(lines[2 * length + i])) + 3) / 6 : (pair + 1) / 2
    target[i] = UInt8(truncatingIfNeeded: mean)
  }
}
