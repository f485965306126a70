internal import Diffusion
internal import Foundation
internal import Inference
internal import Layers
internal import Models
internal import Pipeline
internal import Torch
internal import Training

/// Samples, decodes and trains with the built-in model on a device, and compares with the reference on
/// the processor. For the processor itself it checks the plain operators, which serve devices that our
/// kernels do not.
struct DeviceCheck {
  /// One comparison.
  struct Outcome: Encodable {
    let name: String
    /// The norm of the difference over the norm of the reference; nil if the computation failed.
    let error: Double?
    let limit: Double
    let isPassed: Bool
    /// Whether the device recorded its steps, or why it did not; or how the computation failed.
    let note: String?

    /// Measures; what `measure` throws becomes the note.
    ///
    /// - Parameters:
    ///   - name: what is compared.
    ///   - limit: the error that is too large.
    ///   - measure: computes the error and the note.
    init(_ name: String, limit: Double, _ measure: () throws -> (error: Double, note: String?)) {
      let found = Swift.Result(catching: measure)
      self.name = name
      self.limit = limit
      switch found {
      case .success(let value): (error, note) = value
      case .failure(let failure): (error, note) = (nil, "\(failure)")
      }
      isPassed = error.map { $0 < limit } ?? false
    }

    /// The outcome as text.
    var line: String {
      let figure =
        error.map { String(format: "error %.1e of at most %.0e", $0, limit) } ?? "no result"
      return (isPassed ? "ok      " : "FAILED  ") + name + ": " + figure
        + (note.map { ", \($0)" } ?? "")
    }
  }

  let state: DiTState
  /// The network's batch: two images with guidance.
  let rows = 4
  private let device: Device
  private let labels: [Int]

  init(_ device: Device) throws {
    self.device = device
    state = try DiTState(try EmbeddedModel.checkpoint())
    labels = [0, 3, state.config.classCount, state.config.classCount]
  }

  /// Runs all comparisons in the precisions of the device. One that fails does not end the others.
  ///
  /// - Parameter each: called with each outcome, as it comes.
  /// - Returns: all outcomes.
  /// - Throws: `TorchError` if products in TF32 cannot be turned off; what `each` throws.
  func run(_ each: (Outcome) throws -> Void) throws -> [Outcome] {
    try CUDA.allowTF32(false)
    var outcomes: [Outcome] = []
    func add(_ outcome: Outcome) throws {
      outcomes.append(outcome)
      try each(outcome)
    }
    try forwards(add)
    try samplings(add)
    try add(decoding(.float32))
    if !device.isCPU { try add(decoding(.bfloat16)) }
    try trainings(add)
    return outcomes
  }

  /// Computes a reference on the processor.
  func reference<Value>(_ body: () throws -> Value) -> Result<Value, any Error> {
    Result { try withTorchErrors(body) }
  }

  /// Runs `body` on the device.
  func onDevice<Result>(_ body: (Device) throws -> Result) throws -> Result {
    try withTorchErrors {
      device.isCPU ? try withPlainOperators { try body(.cpu) } : try body(device)
    }
  }

  func error(_ values: [Tensor], _ references: [Tensor]) -> Double {
    func flat(_ tensors: [Tensor]) -> Tensor {
      concatenated(tensors.map { $0.detached.to(.cpu).to(.float64).flattened() }, axis: 0)
    }
    let (value, reference) = (flat(values), flat(references))
    let error = (value - reference).norm().item / reference.norm().item
    return error.isFinite ? error : .greatestFiniteMagnitude
  }

  private func normal(_ shape: [Int], seed: UInt64) throws -> Tensor {
    .randn(shape, generator: try Generator(seed: seed))
  }

  func latents(_ count: Int, seed: UInt64) throws -> Tensor {
    let size = state.config.inputSize
    return try normal([count, state.config.channelCount, size, size], seed: seed)
  }
}

extension DeviceCheck {
  private static func limit(_ precision: Precision) -> Double {
    switch precision {
    case .auto, .fp32: 1e-4
    case .fp16: 5e-3
    case .bf16, .int8, .int8WithFloatFC2: 3e-2
    case .fp8: 1e-1
    }
  }

  /// Whether to check bfloat16: a processor without hardware for it would take minutes.
  var hasBFloat16: Bool { !DeviceSelection.lacksBFloat16(device) }

  /// Precisions of the device in each mode, without int8, which only processors have.
  private var runs: [(mode: ExecutionMode, precision: Precision)] {
    let known: [(ExecutionMode, Precision)] = [
      (.eager, .fp32), (.eager, .bf16), (.graph, .fp32), (.graph, .bf16), (.graph, .fp16),
      (.graph, .fp8),
    ]
    return known.filter { mode, precision in
      (precision != .bf16 || hasBFloat16)
        && (try? DeviceSelection.settledPrecision(precision, in: mode, on: device)) != nil
    }
  }

  private func runner(
    _ mode: ExecutionMode, _ precision: Precision, _ device: Device
  ) throws -> any DiTRunner {
    let tensors = state.tensors
    return try withoutGradients {
      try makeRunner(mode, state.config, precision: precision, device: device) {
        ParameterStore(
          .load(tensors, dtype: precision.parameterType(in: mode), device: device))
      }
    }
  }

  /// Three forward passes each. In a graph the first is recorded and the others are replayed.
  private func forwards(_ add: (Outcome) throws -> Void) throws {
    let times = [990.0, 400, 10]
    func outputs(
      _ mode: ExecutionMode, _ precision: Precision, _ device: Device
    ) throws -> ([Tensor], String?) {
      let x = try latents(rows, seed: 1)
      let runner = try runner(mode, precision, device)
      let network = runner.bind(labels: labels, times: times)
      let outputs = times.map { network(x.to(device), $0).to(.cpu) }
      return (outputs, (runner as? PackedDiT)?.recording.note)
    }
    let reference = reference { try outputs(.eager, .fp32, .cpu).0 }
    for (mode, precision) in runs {
      try add(
        Outcome("forward \(mode.rawValue) \(precision.name)", limit: Self.limit(precision)) {
          let (values, note) = try onDevice { try outputs(mode, precision, $0) }
          return (error(values, try reference.get()), note)
        })
    }
  }

  /// Ten steps of each sampler with guidance. The noise is drawn on the processor, so it is the same on
  /// every device.
  private func samplings(_ add: (Outcome) throws -> Void) throws {
    let config = state.config
    let process = try state.family.process(
      family: nil, shape: nil, prediction: nil, learnsVariance: config.learnsVariance)
    func sampled(
      _ sampler: SamplingMethod, _ mode: ExecutionMode, _ precision: Precision, _ device: Device
    ) throws -> Tensor {
      let steps = try SamplingOptions(sampler: sampler, stepCount: 10).loop(
        labels: [0, 3], nullClass: config.classCount,
        shape: [config.channelCount, config.inputSize, config.inputSize],
        process: process,
        noise: .perBatch(try Generator(seed: 100)), device: device,
        network: try runner(mode, precision, device).bind)
      return try steps.run().to(.cpu)
    }
    for sampler in SamplingMethod.fitting(process.path) where sampler.defaultStepCount != nil {
      let reference = reference {
        try withoutGradients { try sampled(sampler, .eager, .fp32, .cpu) }
      }
      for (mode, precision) in runs where mode == .graph {
        // Guidance magnifies rounding with each step.
        let limit = 10 * Self.limit(precision)
        try add(
          Outcome("\(sampler) of ten steps \(precision.name)", limit: limit) {
            let value = try withoutGradients {
              try onDevice { try sampled(sampler, mode, precision, $0) }
            }
            return (error([value], [try reference.get()]), nil)
          })
      }
    }
  }

  private func decoding(_ dtype: DType) -> Outcome {
    Outcome("decoding \(dtype)", limit: dtype == .float32 ? 1e-4 : 3e-2) {
      let autoencoder = try AutoencoderState(try EmbeddedModel.autoencoder())
      let x = try latents(2, seed: 2)
      func image(_ dtype: DType, _ device: Device) -> Tensor {
        withoutGradients {
          autoencoder.model(dtype, on: device).decode(x.to(device).to(dtype)).to(.cpu)
        }
      }
      let value = try onDevice { image(dtype, $0) }
      let reference = reference { image(.float32, .cpu) }
      return (error([value], [try reference.get()]), nil)
    }
  }
}
