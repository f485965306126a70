public import Torch

extension RGBImage {
  /// Resizes images with a cubic filter, byte for byte as Pillow's `Image.resize` with `BICUBIC` does.
  ///
  /// The filter is that of Keys 1981 (a = -0.5), widened to the distance of new pixels where the image
  /// shrinks. Rows are resized first, then columns, each rounded to bytes; weights have 22 bits.
  ///
  /// - Parameters:
  ///   - images: `[N, H, W, 3]`, uint8, on a processor.
  ///   - height: the new height, above 0.
  ///   - width: the new width, above 0.
  ///   - check: called before each image; throws to stop.
  /// - Returns: `[N, height, width, 3]`, uint8; the same tensor for the same size.
  /// - Throws: what `check` throws.
  public static func resizedAsPillow(
    _ images: Tensor, height: Int, width: Int, check: () throws -> Void = {}
  ) rethrows -> Tensor {
    let (count, oldHeight, oldWidth, channelCount) = images.size4
    guard images.dtype == .uint8, channelCount == 3, height > 0, width > 0 else {
      fatalError("resizedAsPillow: \(images) to \(height) x \(width)")
    }
    guard (oldHeight, oldWidth) != (height, width) else { return images }
    let columns = oldWidth == width ? nil : CubicWeights(from: oldWidth, to: width)
    let rows = oldHeight == height ? nil : CubicWeights(from: oldHeight, to: height)
    let result = Tensor.empty([count, height, width, 3], dtype: .uint8)
    let (oldSize, newSize) = (3 * oldHeight * oldWidth, 3 * height * width)
    try images.contiguous.withUnsafeBytes { source in
      try result.withUnsafeMutableBytes { target in
        try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3 * oldHeight * width) {
          lines in
          for image in 0..<count {
            try check()
            let old = UnsafeBufferPointer(
              rebasing: source.bindMemory(to: UInt8.self)[image * oldSize..<(image + 1) * oldSize])
            let new = UnsafeMutableBufferPointer(
              rebasing: target.bindMemory(to: UInt8.self)[image * newSize..<(image + 1) * newSize])
            guard let rows else {
              columns?.resizeRows(old, into: new)
              continue
            }
            columns?.resizeRows(old, into: lines)
            rows.resizeColumns(columns == nil ? old : UnsafeBufferPointer(lines), into: new)
          }
        }
      }
    }
    return result
  }
}

/// The weights of old pixels in each new pixel along one side.
///
/// Source: Pillow, `src/libImaging/Resample.c`, `precompute_coeffs` and `normalize_coeffs_8bpc`.
private struct CubicWeights {
  /// Bits of a weight behind the binary point.
  private static let precision = 32 - 8 - 2

  private let oldSize: Int
  /// The first old pixel of each new one.
  private var starts: [Int] = []
  /// Where the weights of each new pixel begin; and the end.
  private var offsets = [0]
  private var weights: [Int32] = []

  init(from oldSize: Int, to newSize: Int) {
    self.oldSize = oldSize
    let scale = Double(oldSize) / Double(newSize)
    let filterScale = max(scale, 1)
    let support = 2 * filterScale
    for place in 0..<newSize {
      let center = (Double(place) + 0.5) * scale
      let start = max(Int(center - support + 0.5), 0)
      let end = min(Int(center + support + 0.5), oldSize)
      let values = (start..<end).map {
        CubicWeights.filter((Double($0) - center + 0.5) * (1 / filterScale))
      }
      let sum = values.reduce(0, +)
      starts.append(start)
      weights += values.map { value in
        let share = (sum == 0 ? value : value / sum) * Double(1 << CubicWeights.precision)
        return Int32(share < 0 ? share - 0.5 : share + 0.5)
      }
      offsets.append(weights.count)
    }
  }

  private static func filter(_ x: Double) -> Double {
    let (x, a) = (abs(x), -0.5)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }

  private static func byte(_ sum: Int32) -> UInt8 { UInt8(clamping: sum >> Int32(precision)) }

  private static let half: Int32 = 1 << (Int32(precision) - 1)

  /// Resizes each row of pixels.
  func resizeRows(
    _ source: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    let newSize = starts.count
    for row in 0..<source.count / (3 * oldSize) {
      let line = UnsafeBufferPointer(rebasing: source[3 * oldSize * row..<3 * oldSize * (row + 1)])
      for place in 0..<newSize {
        var (red, green, blue) = (Self.half, Self.half, Self.half)
        var pixel = 3 * starts[place]
        for index in offsets[place]..<offsets[place + 1] {
          let weight = weights[index]
          red &+= weight &* Int32(line[pixel])
          green &+= weight &* Int32(line[pixel + 1])
          blue &+= weight &* Int32(line[pixel + 2])
          pixel += 3
        }
        let first = 3 * (newSize * row + place)
        target[first] = Self.byte(red)
        target[first + 1] = Self.byte(green)
        target[first + 2] = Self.byte(blue)
      }
    }
  }

  /// Resizes each column of bytes.
  func resizeColumns(
    _ source: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>
  ) {
    let length = source.count / oldSize
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: length) { sums in
      for place in starts.indices {
        sums.update(repeating: Self.half)
        for (row, index) in (offsets[place]..<offsets[place + 1]).enumerated() {
          let weight = weights[index]
          let line = UnsafeBufferPointer(
            rebasing: source[length * (starts[place] + row)..<length * (starts[place] + row + 1)])
          for column in 0..<length { sums[column] &+= weight &* Int32(line[column]) }
        }
        for column in 0..<length { target[length * place + column] = Self.byte(sums[column]) }
      }
    }
  }
}
