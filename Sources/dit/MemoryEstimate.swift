internal import Foundation
internal import Inference
internal import Models
internal import Training

/// A network's memory on a CPU in bytes, without the program itself, as `dit inspect` shows it.
struct MemoryEstimate: Encodable {
  /// The memory of training in one number format.
  struct Training: Encodable {
    /// Weights, gradients, moments and EMA.
    let stateBytes: Int
    /// Activations for each image of a step.
    let bytesPerImage: Int
    /// Activations for each image with `--use-recompute`.
    let bytesPerImageRecomputed: Int
  }

  /// Bytes for one image, by precision: of a DiT with guidance and 250 steps.
  let sampleBytes: [String: Int]
  /// By precision. Without int8, which training does not have; nil for a network that is not trained here.
  let train: [String: Training]?

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

  init(_ config: MeanFlowConfig) {
    sampleBytes = Dictionary(
      uniqueKeysWithValues: MemoryEstimate.precisions.map {
        ($0.name, config.samplingMemory($0))
      })
    train = nil
  }

  /// Names and values, for people.
  var lines: [(String, String)] {
    let names = MemoryEstimate.precisions.map(\.name)
    let sampling = names.compactMap { name in
      sampleBytes[name].map { "\(name) \(Amount.bytes($0))" }
    }
    let training = names.compactMap { name in
      train?[name].map {
        "\(name) \(Amount.bytes($0.stateBytes)) + \(Amount.bytes($0.bytesPerImage)) an image"
      }
    }
    return [("memory to sample", sampling.joined(separator: ", "))]
      + (training.isEmpty ? [] : [("memory to train", training.joined(separator: ", "))])
  }
}
