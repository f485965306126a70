internal import Foundation
internal import Inference
internal import Models
internal import Training

/// The memory that a DiT takes on a processor, beside the program itself, as `dit inspect` shows it.
struct MemoryEstimate: Encodable {
  /// What training takes at a number format.
  struct Training: Encodable {
    /// Weights, gradients, moments and moving average.
    let stateBytes: Int
    /// In addition for each image of a step.
    let bytesPerImage: Int
    /// The same with `--use-recompute`.
    let bytesPerImageRecomputed: Int
  }

  /// For one image with guidance in 250 steps, by precision.
  let sampleBytes: [String: Int]
  /// By precision; there is no training in int8.
  let train: [String: Training]

  private static let precisions: [Precision] = [.fp32, .bf16, .int8]

  init(_ config: DiTConfig) {
    var (sampleBytes, train) = ([String: Int](), [String: Training]())
    for precision in MemoryEstimate.precisions {
      sampleBytes[precision.name] = config.samplingMemory(precision)
      guard let dtype = precision.trainingType else { continue }
      let memory = TrainingMemory(config, dtype: dtype)
      train[precision.name] = Training(
        stateBytes: memory.stateByteCount, bytesPerImage: memory.byteCountPerImage(.none),
        bytesPerImageRecomputed: memory.byteCountPerImage(.all))
    }
    (self.sampleBytes, self.train) = (sampleBytes, train)
  }

  /// Names and values for people.
  var lines: [(String, String)] {
    let names = MemoryEstimate.precisions.map(\.name)
    let sampling = names.compactMap { name in
      sampleBytes[name].map { "\(name) \(Amount.bytes($0))" }
    }
    let training = names.compactMap { name in
      train[name].map {
        "\(name) \(Amount.bytes($0.stateBytes)) + \(Amount.bytes($0.bytesPerImage)) an image"
      }
    }
    return [
      ("memory to sample", sampling.joined(separator: ", ")),
      ("memory to train", training.joined(separator: ", ")),
    ]
  }
}
