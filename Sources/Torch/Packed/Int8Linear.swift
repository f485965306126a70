private enum Int8 {
  static let prepack = try? Operator(finding: "onednn::qlinear_prepack")
  static let linear = try? Operator(finding: "onednn::qlinear_pointwise")
  static let quantizeWeight = Operator("dit::quantize_weight")
  static let rescale = Operator("dit::rescale_")
  static let rescaleGELUQuantize = Operator("dit::rescale_gelu_quantize_")
}

/// A linear layer in 8-bit integers (W8A8): the weight has a scale for each output, the input one for
/// each row. Sums have 32 bits.
struct Int8Linear {
  private let weight: Tensor  // in oneDNN's layout; float32 if emulated
  private let scales: Tensor  // [out]
  private let bias: Tensor  // [out]
  private let ones: Tensor  // [out]
  private let zeros: Tensor  // [out], int32
  private let linear: Operator?  // nil: emulated

  /// - Parameters:
  ///   - weight: `[out, in]`, float32; not kept.
  ///   - bias: `[out]`
  /// - Throws: `TorchError` if the weight is not finite or the processor has no 8-bit products.
  init(weight: Tensor, bias: Tensor?) throws(TorchError) {
    let isEmulated = Processor.emulatesInt8
    guard weight.device.capabilities.int8 else {
      throw TorchError(
        operation: "8-bit linear layer",
        message: OwnOperators.areBuilt
          ? "it needs a processor with AVX512_VNNI" : "it needs kernels that this build has not")
    }
    let own = isEmulated ? nil : Int8.linear
    guard isEmulated || Int8.prepack != nil && own != nil else {
      throw TorchError(
        operation: "8-bit linear layer", message: "this libtorch was built without oneDNN")
    }
    let count = weight.size(0)
    do {
      (self.weight, scales) = try withTorchErrors {
        let results = Int8.quantizeWeight.results(.tensor(weight), count: 2)
        let packed = isEmulated ? nil : Int8.prepack?(.tensor(results[0]), nil)
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

  /// The results, float32.
  func numbers(_ x: Activations) -> Tensor {
    let (sums, scales) = sums(x)
    return Int8.rescale(
      .tensor(sums), .tensor(scales.rows), .tensor(scales.columns), .tensor(scales.bias))
  }

  /// GELU (tanh form) of the results, in int8.
  func gelu(_ x: Activations) -> Activations {
    let (sums, scales) = sums(x)
    let results = Int8.rescaleGELUQuantize.results(
      .tensor(sums), .tensor(scales.rows), .tensor(scales.columns), .tensor(scales.bias), count: 2)
    return Activations(values: results[0], scales: results[1])
  }

  /// The sums, with their scales.
  func branchOutput(_ x: Activations) -> BranchOutput {
    let (sums, scales) = sums(x)
    return BranchOutput(values: sums, scales: scales)
  }

  private func sums(_ x: Activations) -> (Tensor, BranchOutput.Scales) {
    guard let rows = x.scales else {
      fatalError("an int8 layer takes int8 activations, not \(x.values)")
    }
    let sums =
      linear?(
        .tensor(x.values), 1.0, 128, .tensor(weight), .tensor(ones), .tensor(zeros), nil, 1.0, 0,
        .dtype(.float32), .string("none"), .scalars([]), .string(""))
      ?? withPlainOperators {
        Torch.linear(x.values.to(.float32) - 128, weight: weight)
      }
    return (sums, BranchOutput.Scales(rows: rows, columns: scales, bias: bias))
  }
}
