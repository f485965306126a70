private enum Bytes {
  static let prepack = try? Operator(finding: "onednn::qlinear_prepack")
  static let linear = try? Operator(finding: "onednn::qlinear_pointwise")
  static let quantizeWeight = Operator("dit::quantize_weight")
  static let rescale = Operator("dit::rescale_")
  static let rescaleGELUQuantize = Operator("dit::rescale_gelu_quantize_")
}

/// A linear layer whose weight is held in 8 bits, with a scale for each output, and which takes its
/// input in 8 bits, with a scale for each row. Products are added up in 32 bits.
struct ByteLinear {
  private let weight: Tensor  // in oneDNN's layout; the whole numbers as float32 if emulated
  private let scales: Tensor  // [out]
  private let bias: Tensor  // [out]
  private let ones: Tensor  // [out]
  private let zeros: Tensor  // [out], int32
  private let linear: Operator?  // nil: emulated

  /// - Parameters:
  ///   - weight: `[out, in]`, float32; not kept.
  ///   - bias: `[out]`
  /// - Throws: `TorchError` if the weight is not finite or the processor cannot.
  init(weight: Tensor, bias: Tensor?) throws(TorchError) {
    let isEmulated = Processor.emulatesByteProducts
    guard weight.isCPU, Processor.hasByteProducts else {
      throw TorchError(
        operation: "8-bit linear layer", message: "needs a processor with AVX512_VNNI")
    }
    let own = isEmulated ? nil : Bytes.linear
    guard isEmulated || Bytes.prepack != nil && own != nil else {
      throw TorchError(
        operation: "8-bit linear layer", message: "this libtorch was built without oneDNN")
    }
    let count = weight.size(0)
    do {
      (self.weight, scales) = try withTorchErrors {
        let results = Bytes.quantizeWeight.results(.tensor(weight), count: 2)
        let packed = isEmulated ? nil : Bytes.prepack?(.tensor(results[0]), nil)
        return (packed ?? results[0].to(.float32), results[1])
      }
    } catch let error as TorchError {
      throw error
    } catch {
      throw TorchError(operation: "8-bit linear layer", message: "\(error)")
    }
    self.bias = (bias ?? .zeros([count])).contiguous
    ones = .ones([count])
    zeros = .zeros([count], dtype: .int32)
    linear = own
  }

  /// The layer's results as numbers, float32.
  func numbers(_ x: Rows) -> Tensor {
    let (sums, scales) = sums(x)
    return Bytes.rescale(
      .tensor(sums), .tensor(scales.rows), .tensor(scales.columns), .tensor(scales.bias))
  }

  /// The tanh form of GELU of the layer's results, in bytes.
  func gelu(_ x: Rows) -> Rows {
    let (sums, scales) = sums(x)
    let results = Bytes.rescaleGELUQuantize.results(
      .tensor(sums), .tensor(scales.rows), .tensor(scales.columns), .tensor(scales.bias), count: 2)
    return Rows(values: results[0], scales: results[1])
  }

  /// The sums, with what makes numbers of them.
  func residual(_ x: Rows) -> Residual {
    let (sums, scales) = sums(x)
    return Residual(values: sums, scales: scales)
  }

  private func sums(_ x: Rows) -> (Tensor, Residual.Scales) {
    guard let rows = x.scales else { fatalError("a layer in bytes takes bytes, not \(x.values)") }
    let sums =
      linear?(
        .tensor(x.values), 1.0, 128, .tensor(weight), .tensor(ones), .tensor(zeros), nil, 1.0, 0,
        .dtype(.float32), .string("none"), .scalars([]), .string(""))
      ?? Torch.linear(x.values.to(.float32) - 128, weight: weight)
    return (sums, Residual.Scales(rows: rows, columns: scales, bias: bias))
  }
}
