/// Sizes out of files, which may be any numbers.
enum ShapeArithmetic {
  /// The most times that an autoencoder halves the image's size; published ones do up to 7 times.
  static let maximumHalvingCount = 16

  /// The product; nil if it is too large for an `Int`.
  static func product(_ sizes: [Int]) -> Int? {
    var product = 1
    for size in sizes {
      let (result, overflow) = product.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      product = result
    }
    return product
  }

  /// Whether a tensor of this shape has elements, and no more bytes than can be counted.
  static func isSound(_ shape: [Int]) -> Bool {
    shape.allSatisfy { $0 > 0 } && product([8] + shape) != nil
  }
}
