internal import ArgumentParser
internal import Torch

/// A choice of number formats by their short names, such as `fp32`.
protocol NumberFormatArgument: ExpressibleByArgument, RawRepresentable<String> {}

extension NumberFormatArgument {
  /// Reads a short name, or the name in other programs.
  init?(argument: String) { self.init(rawValue: DType.shortName(argument)) }
}

extension DType {
  /// `fp32` for `float32`, and so on; other names in lowercase.
  static func shortName(_ argument: String) -> String {
    let name = argument.lowercased()
    return ["float32": "fp32", "float16": "fp16", "bfloat16": "bf16"][name] ?? name
  }
}
