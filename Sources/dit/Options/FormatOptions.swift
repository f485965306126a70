internal import ArgumentParser
internal import Inference
internal import Torch

/// The number format of sampling.
struct SamplingFormat: ReplacingOptions {
  static let replaced: [String: Set<String>] = ["precision": ["use-fp16", "dtype"]]

  @Option(
    help: """
      Number format. auto is bf16 if the hardware multiplies it, else fp32, or fp16 on a GPU.
      """)
  var precision = Precision.auto
  @Option(help: "The second layer of each MLP under --precision int8: int8 or fp32.")
  var int8Fc2: SecondLayer?

  /// The number format of each MLP's second layer under int8.
  enum SecondLayer: String, ExpressibleByArgument, CaseIterable {
    case int8
    case fp32
  }

  /// The number format combined with `--int8-fc2`.
  ///
  /// - Throws: `UsageError` if `--int8-fc2` is given and the format is not int8.
  func withSecondLayer(_ precision: Precision) throws -> Precision {
    guard let int8Fc2 else { return precision }
    guard precision.isInt8 else {
      throw UsageError("--int8-fc2 is for --precision int8, not \(precision.name)")
    }
    return int8Fc2 == .fp32 ? .int8WithFloatFC2 : .int8
  }
}

/// The number format of training.
struct TrainingFormat: ReplacingOptions {
  static let replaced = SamplingFormat.replaced

  @Option(help: "Number format of matrix products: auto is fp32.")
  var precision = TrainingPrecision(.auto)

  func validate() throws {
    guard precision.format.trainingType != nil else {
      throw ValidationError(precision.format.trainingRefusal)
    }
  }
}

/// A number format for training. Formats of sampling alone are parsed too, so that they are refused by
/// name.
struct TrainingPrecision: ExpressibleByArgument {
  let format: Precision

  init(_ format: Precision) { self.format = format }

  init?(argument: String) {
    guard let format = Precision(argument: argument) else { return nil }
    self.format = format
  }

  static var allValueStrings: [String] {
    Precision.allCases.filter { $0.trainingType != nil }.map(\.name)
  }

  var defaultValueDescription: String { format.name }
}

extension Precision {
  /// The type of matrix products in training: float32, bfloat16 or float16.
  ///
  /// - Throws: `UsageError` for 8-bit formats.
  func requiredTrainingType() throws -> DType {
    guard let type = trainingType else { throw UsageError(trainingRefusal) }
    return type
  }

  /// The message that refuses this format for training.
  fileprivate var trainingRefusal: String {
    "--precision \(name): training knows fp32, bf16 and fp16"
  }
}
