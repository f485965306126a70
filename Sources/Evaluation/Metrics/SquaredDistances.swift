internal import Torch

/// Squared Euclidean distances between the rows of two sets of features, block by block.
protocol SquaredDistances {
  /// Whether the distance from a to b is that from b to a, also by rounding.
  static var isSymmetric: Bool { get }
  /// The rows and columns of a block at most.
  static var blockSize: Int { get }

  /// Distances from the rows of `[N, D]` to those of `[M, D]`, float32.
  init(from rows: Tensor, to columns: Tensor)

  /// Distances of a block, none below zero.
  ///
  /// - Returns: `[n, m]`, float64 or float32.
  func block(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor
}

/// Distances in float64. Those that are zero to rounding are zero, so that equal images have none.
struct ExactDistances: SquaredDistances {
  static let isSymmetric = true
  static let blockSize = 1_000

  private let rows: Tensor
  private let columns: Tensor
  /// The distance that rounding leaves, relative to the squared norms.
  private static let rounding = 1e-12

  init(from rows: Tensor, to columns: Tensor) { (self.rows, self.columns) = (rows, columns) }

  func block(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    let u = self.rows[rows].to(.float64)
    let v = self.columns[columns].to(.float64)
    let norms = u.squared.sum(axes: [1], keepingDims: true) + v.squared.sum(axes: [1])
    let distances = norms.addingMatrixProduct(u * -2.0, v.transposed())
    let isZero = distances.isAtMost(norms * ExactDistances.rounding)
    return isZero.select(Tensor.zeros([], dtype: .float64), else: distances)
  }
}

/// Distances as the evaluation suite of Dhariwal & Nichol 2021 has them: in float16, and in float32 for a block
/// of 10,000 x 10,000 in which one is not finite.
///
/// Features, squares, squared norms, products and both sums are rounded to float16, in the suite's order
/// (|u|² - 2 u·v) + |v|²; sums over features are kept in float32 until they are rounded.
struct SuiteDistances: SquaredDistances {
  static let isSymmetric = false
  /// Divides the suite's own.
  static let blockSize = 2_000

  private static let suiteBlockSize = 10_000
  private static let largestHalf = 65_504.0

  private let rows: Tensor
  private let columns: Tensor
  /// For each of the suite's blocks, whether float16 suffices.
  private let fitsHalf: [[Bool]]

  init(from rows: Tensor, to columns: Tensor) {
    (self.rows, self.columns) = (rows, columns)
    let size = SuiteDistances.suiteBlockSize
    let columnBlocks = rowBlocks(columns.size(0), of: size)
    fitsHalf = rowBlocks(rows.size(0), of: size).map { rowBlock in
      columnBlocks.map { SuiteDistances.fitsHalf(rows, rowBlock, columns, $0) }
    }
  }

  func block(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    let size = SuiteDistances.suiteBlockSize
    let (u, v) = (self.rows[rows], self.columns[columns])
    return fitsHalf[rows.lowerBound / size][columns.lowerBound / size]
      ? SuiteDistances.half(u, v)
      : SuiteDistances.distances(u, v) { $0 }
  }

  private static func fitsHalf(
    _ rows: Tensor, _ rowBlock: Range<Int>, _ columns: Tensor, _ columnBlock: Range<Int>
  ) -> Bool {
    let u = squaredNorms(rounded(rows[rowBlock]), rounded).max().item
    let v = squaredNorms(rounded(columns[columnBlock]), rounded).max().item
    guard u.isFinite, v.isFinite else { return false }
    // No number on the way is larger, by Cauchy and Schwarz.
    if u + v + 2 * (u * v).squareRoot() < 0.99 * largestHalf { return true }
    return rowBlocks(rowBlock.count, of: blockSize).allSatisfy { part in
      rowBlocks(columnBlock.count, of: blockSize).allSatisfy {
        half(rows[rowBlock][part], columns[columnBlock][$0]).isFinite.allTrue
      }
    }
  }

  private static func half(_ u: Tensor, _ v: Tensor) -> Tensor {
    distances(rounded(u), rounded(v), rounded)
  }

  private static func distances(
    _ u: Tensor, _ v: Tensor, _ round: (Tensor) -> Tensor
  ) -> Tensor {
    let products = round(round(u.matmul(v.transposed())) * 2.0)
    let first = squaredNorms(u, round).expandingDims(at: 1)
    let second = squaredNorms(v, round).expandingDims(at: 0)
    return round(round(first - products) + second).clamped(min: 0)
  }

  private static func squaredNorms(_ u: Tensor, _ round: (Tensor) -> Tensor) -> Tensor {
    round(round(u.squared).sum(axes: [1]))
  }

  /// float32 numbers as float16 has them; those out of its range become infinite.
  private static func rounded(_ x: Tensor) -> Tensor { x.to(.float16).to(.float32) }
}
