internal import Foundation

/// Numbers with units, for people.
enum Amount {
  /// Bytes to three digits: "950 B", "12.3 MB", "4.56 GB".
  static func bytes(_ count: Int) -> String {
    scaled(Double(count), ["B", "kB", "MB", "GB", "TB"])
  }

  /// Floating-point operations to three digits: "1.5 GFLOP".
  static func operations(_ count: Double) -> String {
    scaled(count, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"])
  }

  /// A count to three digits: "950", "51.2 thousand", "675 million".
  static func rounded(_ count: Int) -> String {
    scaled(Double(count), ["", "thousand", "million", "billion"])
      .trimmingCharacters(in: .whitespaces)
  }

  /// A count with its noun: "1 step", "2 classes".
  static func of(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)" + (count == 1 ? "" : noun.hasSuffix("s") ? "es" : "s")
  }

  /// The value in the largest unit that makes it at least 1. Each unit is 1000 of the one before.
  private static func scaled(_ value: Double, _ units: [String]) -> String {
    var (value, index) = (value, 0)
    while value >= 999.5, index + 1 < units.count {
      value /= 1000
      index += 1
    }
    let digits = index == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
    return String(format: "%.\(digits)f ", value) + units[index]
  }
}
