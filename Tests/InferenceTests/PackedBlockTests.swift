internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct PackedBlockTests {
  private static let precisions: [(Precision, Double)] =
    [(.fp32, Tolerance.float32), (.bf16, Tolerance.bfloat16)]
    + (Device.cpu.capabilities.int8
      ? [(.int8, Tolerance.int8), (.int8WithFloatFC2, Tolerance.int8)] : [])

  private func runner(
    _ values: GoldenValues, _ mode: ExecutionMode, _ precision: Precision
  ) throws -> any DiTRunner {
    let weights = values.weights
    return try makeRunner(mode, try values.config.model, precision: precision, device: .cpu) {
      ParameterStore(.load(weights, dtype: precision.parameterType(in: mode)))
    }
  }

  private func errors(
    _ values: GoldenValues, _ mode: ExecutionMode, _ precision: Precision
  ) throws -> [Double] {
    let times = values["t"].elements(Double.self)
    let network = try runner(values, mode, precision)
      .bind(labels: values["y"].elements(Int.self), times: times)
    return times.enumerated().map { row, time in
      let output = network(values["x"], time)
      return relativeError(output[row..<row + 1], values["output"][row..<row + 1])
    }
  }

  @Test(arguments: BlockNames.all, precisions)
  func staysNearTheReference(_ name: String, _ run: (Precision, tolerance: Double)) throws {
    let errors = try errors(try GoldenValues(name), .graph, run.0)
    #expect(errors.allSatisfy { $0 < run.tolerance }, "\(errors)")
    #expect(run.0 == .fp32 || errors.contains { $0 > Tolerance.float32 }, "float32 after all")
  }

  @Test(arguments: BlockNames.all) func staysNearAsWrittenInBfloat16(_ name: String) throws {
    let errors = try errors(try GoldenValues(name), .eager, .bf16)
    #expect(errors.allSatisfy { $0 < Tolerance.bfloat16 }, "\(errors)")
  }

  /// What a GPU computes without our kernels.
  @Test(arguments: BlockNames.all, [Precision.fp32, .bf16])
  func staysNearWithPlainOperators(_ name: String, _ precision: Precision) throws {
    let values = try GoldenValues(name)
    let errors = try withPlainOperators { try self.errors(values, .graph, precision) }
    let tolerance = precision == .fp32 ? Tolerance.float32 : Tolerance.bfloat16
    #expect(errors.allSatisfy { $0 < tolerance }, "\(errors)")
  }

  /// Memory that gives out is an error, with our kernels and without.
  @Test(arguments: BlockNames.all, ExecutionMode.allCases)
  func passesFailuresOn(_ name: String, _ mode: ExecutionMode) throws {
    let values = try GoldenValues(name)
    let network = try runner(values, mode, .fp32)
      .bind(labels: values["y"].elements(Int.self), times: [3])
    for isPlain in [false, true] {
      #expect(throws: TorchError.self) {
        try withTorchErrors {
          _ = isPlain ? withPlainOperators { network(failed(), 3) } : network(failed(), 3)
        }
      }
    }
  }

  /// A model of average velocities, each row with a time and a span of its own.
  @Test(arguments: ExecutionMode.allCases, precisions)
  func predictsAverages(
    _ mode: ExecutionMode, _ run: (precision: Precision, tolerance: Double)
  ) throws {
    guard mode == .graph || !run.precision.isInt8 else { return }
    let values = try GoldenValues("training-meanflow")
    func row(_ name: String) -> Tensor { values["steps." + name][0] }
    let average = try runner(values, mode, run.precision)
      .bindAverage(labels: row("y").elements(Int.self))
    let (starts, spans) = (row("s").elements(Double.self), row("h").elements(Double.self))
    for index in starts.indices {
      let output = average(row("noise"), starts[index], starts[index] + spans[index])
      let error = relativeError(
        output[index..<index + 1], values["output"][index..<index + 1])
      #expect(error < run.tolerance, "row \(index): \(error)")
    }
  }
}
