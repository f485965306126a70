internal import Foundation

/// Numbers with their units, as people read them.
enum Amount {
  /// Bytes with three digits: "950 B", "12.3 MB", "4.56 GB".
  static func bytes(_ count: Int) -> String {
    scaled(Double(count), ["B", "kB", "MB", "GB", "TB"])
  }

  /// Operations with numbers with three digits: "1.5 GFLOP".
  static func operations(_ count: Double) -> String {
    scaled(count, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"])
  }

  /// A number with three digits: "950", "51.2 thousand", "675 million".
  static func rounded(_ count: Int) -> String {
    scaled(Double(count), ["", "thousand", "million", "billion"])
      .trimmingCharacters(in: .whitespaces)
  }

  /// A number of things: "1 step", "2 classes".
  static func of(_ count: Int, _ noun: String) -> String {
    "\(count) \(noun)" + (count == 1 ? "" : noun.hasSuffix("s") ? "es" : "s")
  }

  /// A number in the largest unit of which there is one at least; each is 1000 of the one before.
  private static func scaled(_ value: Double, _ units: [String]) -> String {
    var (value, place) = (value, 0)
    while value >= 999.5, place + 1 < units.count {
      value /= 1000
      place += 1
    }
    let digits = place == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
    return String(format: "%.\(digits)f ", value) + units[place]
  }
}
