internal import ArgumentParser
internal import Inference
internal import Torch

/// The number format that a model samples in.
struct SamplingFormat: ReplacingOptions {
  static let replaced: [String: Set<String>] = ["precision": ["use-fp16", "dtype"]]

  @Option(
    help: """
      Number format: auto is bf16 where the hardware multiplies it, else fp32, or fp16 on a GPU.
      """)
  var precision = Precision.auto
  @Option(help: "With --precision int8, the second layer of each MLP: int8, or fp32.")
  var int8Fc2: SecondLayer?

  /// What the second layer of an MLP computes in, where others are 8 bits wide.
  enum SecondLayer: String, ExpressibleByArgument, CaseIterable {
    case int8
    case fp32
  }

  /// A number format with what `--int8-fc2` says of it.
  ///
  /// - Throws: `UsageError` if it says something and the format has no 8 bits.
  func withSecondLayer(_ precision: Precision) throws -> Precision {
    guard let int8Fc2 else { return precision }
    guard precision.isInt8 else {
      throw UsageError("--int8-fc2 is for --precision int8, not \(precision.name)")
    }
    return int8Fc2 == .fp32 ? .int8WithFloatFC2 : .int8
  }
}

/// The number format that a model is trained in.
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

/// A number format for training. Those of sampling are understood too, so that they can be refused by
/// their names.
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
  /// What matrix products compute in when a model is trained.
  ///
  /// - Returns: float32, bfloat16 or float16.
  /// - Throws: `UsageError` for 8-bit formats.
  func requiredTrainingType() throws -> DType {
    guard let type = trainingType else { throw UsageError(trainingRefusal) }
    return type
  }

  /// Why nothing is trained in it.
  fileprivate var trainingRefusal: String {
    "--precision \(name): training knows fp32, bf16 and fp16"
  }
}
