internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct PackedMeanFlowTests {
  private static let precisions: [(Precision, Double)] =
    [(.fp32, Tolerance.float32), (.bf16, Tolerance.bfloat16)]
    + (Device.cpu.capabilities.int8
      ? [(.int8, Tolerance.int8), (.int8WithFloatFC2, Tolerance.int8)] : [])

  private func runner(
    _ golden: GoldenMeanFlow, _ mode: ExecutionMode, _ precision: Precision
  ) throws -> any MeanFlowRunner {
    let weights = golden.samplingWeights
    return try makeRunner(mode, golden.samplingConfig, precision: precision, device: .cpu) {
      ParameterStore(.load(weights, dtype: precision.parameterType(in: mode)))
    }
  }

  /// Errors of each row, which has guidance and a span of its own.
  private func errors(_ mode: ExecutionMode, _ precision: Precision) throws -> [Double] {
    let golden = try GoldenMeanFlow()
    let values = golden.values
    let runner = try runner(golden, mode, precision)
    let labels = values["y"].elements(Int.self)
    return labels.indices.map { row in
      func number(_ name: String) -> Double { values[name][row].item }
      let network = runner.bind(
        labels: labels,
        guidance: MeanFlowGuidance(
          scale: number("omega"), low: number("low"), high: number("high")))
      let output = network(values["z"], number("span"))
      return relativeError(output[row..<row + 1], values["average"][row..<row + 1])
    }
  }

  @Test(arguments: precisions)
  func staysNearTheReference(_ run: (Precision, tolerance: Double)) throws {
    let errors = try errors(.graph, run.0)
    #expect(errors.allSatisfy { $0 < run.tolerance }, "\(errors)")
    #expect(run.0 == .fp32 || errors.contains { $0 > Tolerance.float32 }, "float32 after all")
  }

  @Test(arguments: [(Precision.fp32, Tolerance.float32), (.bf16, Tolerance.bfloat16)])
  func staysNearAsWritten(_ run: (Precision, tolerance: Double)) throws {
    let errors = try errors(.eager, run.0)
    #expect(errors.allSatisfy { $0 < run.tolerance }, "\(errors)")
  }

  /// What a GPU computes without our kernels.
  @Test(arguments: [(Precision.fp32, Tolerance.float32), (.bf16, Tolerance.bfloat16)])
  func staysNearWithPlainOperators(_ run: (Precision, tolerance: Double)) throws {
    let errors = try withPlainOperators { try self.errors(.graph, run.0) }
    #expect(errors.allSatisfy { $0 < run.tolerance }, "\(errors)")
  }

  @Test(arguments: ExecutionMode.allCases, [1, 2, 4])
  func samplesAsTheReference(_ mode: ExecutionMode, _ stepCount: Int) throws {
    let golden = try GoldenMeanFlow()
    let expected = golden.values["steps.\(stepCount)"]
    let network = try runner(golden, mode, .fp32).bind(
      labels: golden.values["y"].elements(Int.self),
      guidance: MeanFlowGuidance(
        scale: golden.guidance[0], low: golden.guidance[1], high: golden.guidance[2]))
    var z = golden.values["noise"]
    for step in 1...stepCount {
      z = z - network(z, 1 / Double(stepCount)) * (1 / Double(stepCount))
      #expect(relativeError(z, expected[step]) < Tolerance.trajectory)
    }
  }

  @Test func needsPackingFor8Bits() throws {
    let golden = try GoldenMeanFlow()
    let error = #expect(throws: InferenceError.self) { try runner(golden, .eager, .int8) }
    #expect(error?.reason == .needsPacking)
  }

  @Test func namesTheLayerWhoseWeightsAreNotFinite() throws {
    guard Device.cpu.capabilities.int8 else { return }
    let golden = try GoldenMeanFlow()
    var weights = golden.samplingWeights
    let name = "u_heads.0.mlp.w2._flax_linear.weight"
    weights[name] = try #require(weights[name]) * .nan
    let error = #expect(throws: InferenceError.self) {
      try makeRunner(.graph, golden.samplingConfig, precision: .int8, device: .cpu) {
        ParameterStore(.load(weights))
      }
    }
    #expect(error?.message.contains("u_heads.0.mlp.w2") == true, "\(String(describing: error))")
  }

  /// Rows of 42 hidden values become rows of 48 for 8 bits; the results are the same.
  @Test func padsGatedValuesWithoutAnEffect() throws {
    let generator = try Generator(seed: 5)
    let mlp = SwiGLU(
      joined: 16, hidden: 42,
      at: ParameterStore(.computed { shape, _ in .randn(shape, generator: generator) }).root)
    let padded = mlp.padded(toMultipleOf: 16)
    #expect(padded.first.outputCount == 96 && padded.output.inputCount == 48)
    let x = Tensor.randn([3, 5, 16], generator: generator)
    #expect(relativeError(padded(x), mlp(x)) < Tolerance.float32)
    #expect(mlp.padded(toMultipleOf: 2).output.inputCount == 42)
  }
}
