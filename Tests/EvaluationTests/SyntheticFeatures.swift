internal import Foundation
internal import TestSupport
internal import Torch

/// Features by the rule of `tools/golden/make_metrics.py`: roughly normal numbers, exact in float32.
enum SyntheticFeatures {
  /// - Returns: `[count, width]`
  static func rows(seed: UInt64, _ count: Int, _ width: Int) -> Tensor {
    let scales = (0..<width).map { Float(sign: .plus, exponent: -($0 % 8), significand: 1) }
    let numbers = [Float](unsafeUninitializedCapacity: count * width) { numbers, filled in
      var (column, before): (Int, Float) = (0, 0)
      for index in 0..<numbers.count {
        var z = UInt64(truncatingIfNeeded: index &+ 1) &* 0x9E37_79B9_7F4A_7C15 &+ seed
        z = (z ^ z &>> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z &>> 27) &* 0x94D0_49BB_1331_11EB
        z ^= z &>> 31
        let sum = (z & 0xFFFF) &+ (z &>> 16 & 0xFFFF) &+ (z &>> 32 & 0xFFFF) &+ (z &>> 48)
        let number = (Float(sum) - 131_070) / 65_536
        numbers[index] = (number + (column > 0 ? 0.5 * before : 0)) * scales[column]
        before = number
        column = column &+ 1 == width ? 0 : column &+ 1
      }
      filled = numbers.count
    }
    return Tensor(numbers, shape: [count, width])
  }
}

/// The values of `Tests/Golden/metrics.json`.
struct MetricValues: Decodable {
  struct Neighbours: Decodable {
    let inside: [Int]
    let covered: [Int]
    let precision: Double
    let recall: Double
    let nearest: [Int]
  }

  let mean: [Double]
  let covariance_row: [Double]
  let covariance_sum: Double
  let fid: Double
  let fid_few: Double
  let fid_wide: Double
  let is_chunks_100: Double
  let is_whole: Double
  let exact: Neighbours
  let half: Neighbours
  let kid: Double
  let kid_std: Double
  let kid_whole: Double
  let choices: [[Int]]

  static func read() throws -> MetricValues {
    try JSONDecoder().decode(
      MetricValues.self, from: Data(contentsOf: URL(filePath: golden("metrics.json"))))
  }

  /// The small sets of the script.
  static var samples: Tensor { SyntheticFeatures.rows(seed: 1, 600, 24) }
  static var reference: Tensor { SyntheticFeatures.rows(seed: 2, 500, 24) * 1.25 + 0.125 }
}

/// The difference of two numbers, relative to the second.
func difference(_ value: Double, _ reference: Double) -> Double {
  abs(value - reference) / abs(reference)
}
