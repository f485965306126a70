internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct PrecisionTests {
  private static let reduced: [Precision] =
    [.bf16] + (Device.cpu.capabilities.int8 ? [.int8, .int8WithFloatFC2] : [])
    + (Device.cpu.capabilities.float16 ? [.fp16] : [])

  private func tolerance(_ precision: Precision) -> Double {
    switch precision {
    case .auto, .fp32: Tolerance.float32
    case .bf16: Tolerance.bfloat16
    case .fp16: Tolerance.float16
    case .int8, .int8WithFloatFC2: Tolerance.int8
    case .fp8: Tolerance.float8
    }
  }

  private func runner(
    _ values: GoldenValues, _ mode: ExecutionMode, _ precision: Precision = .fp32
  ) throws -> any DiTRunner {
    let weights = values.weights
    return try makeRunner(mode, try values.config.model, precision: precision, device: .cpu) {
      ParameterStore(.load(weights))
    }
  }

  @Test(arguments: DiTTestNames.all, reduced)
  func staysNearTheReference(_ name: String, _ precision: Precision) throws {
    let values = try GoldenValues(name)
    let (x, y) = (values["x"], values["y"].elements(Int.self))
    let times = values["t"].elements(Double.self)
    let network = try runner(values, .graph, precision)
      .bind(labels: y, times: times)
    for (row, time) in times.enumerated() {
      let output = network(x, time)
      #expect(output.dtype == .float32)
      let expected = values["output"][row..<row + 1]
      let error = relativeError(output[row..<row + 1], expected)
      #expect(error < tolerance(precision))
      #expect(error > Tolerance.float32, "computed in float32 after all")
    }
  }

  /// What a GPU computes without our kernels.
  @Test(arguments: DiTTestNames.all, [Precision.fp32, .bf16, .fp8])
  func staysNearWithPlainOperators(_ name: String, _ precision: Precision) throws {
    let values = try GoldenValues(name)
    let (x, y) = (values["x"], values["y"].elements(Int.self))
    let times = values["t"].elements(Double.self)
    try withPlainOperators {
      let packed = try runner(values, .graph, precision)
      let network = packed.bind(labels: y, times: times)
      for (row, time) in times.enumerated() {
        let output = network(x, time)
        #expect(output.dtype == .float32)
        let error = relativeError(output[row..<row + 1], values["output"][row..<row + 1])
        #expect(error < tolerance(precision))
        #expect(precision == .fp32 || error > Tolerance.float32, "computed in float32 after all")
      }
      guard case .none = try #require(packed as? PackedDiT).recording else {
        Issue.record("a processor records nothing")
        return
      }
    }
  }

  @Test(.ownKernels) func refusesFloat8OnAProcessor() throws {
    let values = try GoldenValues("dit-even")
    let error = #expect(throws: InferenceError.self) { try runner(values, .graph, .fp8) }
    let message = try #require(error).message
    #expect(message.contains("blocks.0") && message.contains("NVIDIA GPU"))
  }

  @Test(arguments: 1...5, [Precision.fp32] + reduced)
  func agreesWithEagerForAnyBatch(_ batchSize: Int, _ precision: Precision) throws {
    let values = try GoldenValues("dit-odd")
    let config = try values.config.model
    let packed = try runner(values, .graph, precision)
    let eager = try runner(values, .eager)
    let generator = try Generator(seed: UInt64(batchSize))
    let size = config.inputSize
    for labels in [[3, 0, 3, 1, 2], [1, 2, 2, 0, 3]] {
      let x = Tensor.randn([batchSize, config.channelCount, size, size], generator: generator)
      let y = Array(labels.prefix(batchSize))
      let times = [999.0, 500, 10]
      let (a, b) = (
        packed.bind(labels: y, times: times),
        eager.bind(labels: y, times: times)
      )
      for time in times {
        let error = relativeNormError(a(x, time), b(x, time))
        #expect(error < tolerance(precision))
      }
    }
  }

  @Test(.enabled(if: Device.cpu.capabilities.int8))
  func comesNearerWithTheSecondLayerInFloat32() throws {
    let values = try GoldenValues("dit-even")
    let (x, y) = (values["x"], values["y"].elements(Int.self))
    let errors = try [Precision.int8, .int8WithFloatFC2].map { precision in
      let times = [900.0, 500, 100]
      let network = try runner(values, .graph, precision).bind(labels: y, times: times)
      let exact = try runner(values, .graph).bind(labels: y, times: times)
      return times.map { relativeNormError(network(x, $0), exact(x, $0)) }.reduce(0, +)
    }
    #expect(errors[1] < errors[0] && errors[1] > 0, "\(errors)")
  }

  // Names are what users see, and they do not tell the two kinds of int8 apart.
  @Test func hasTheNamesThatOptionsGive() {
    let names = ["auto", "fp32", "bf16", "fp16", "int8", "int8", "fp8"]
    #expect(Precision.allCases.map(\.name) == names)
    for name in ["auto", "fp32", "bf16", "fp16", "int8", "fp8"] {
      #expect(Precision(name: name)?.description == name)
    }
    #expect(Precision(name: "int8-fc2-fp32") == nil)
    #expect(Precision.int8.secondLayerName == "int8")
    #expect(Precision.int8WithFloatFC2.secondLayerName == "fp32")
  }

  @Test(.enabled(if: Device.cpu.capabilities.int8))
  func namesTheWeightThatIsNotFinite() throws {
    let values = try GoldenValues("dit-even")
    var weights = values.weights
    let name = "blocks.1.mlp.fc2.weight"
    let weight = try #require(weights[name]).cloned
    weight[2][0].fillInPlace(.infinity)
    weights[name] = weight
    let error = #expect(throws: InferenceError.self) {
      try makeRunner(.graph, try values.config.model, precision: .int8, device: .cpu) {
        ParameterStore(.load(weights))
      }
    }
    let message = try #require(error).message
    #expect(message.contains("blocks.1.mlp.fc2") && message.contains("infinities or NaN"))
  }
}
