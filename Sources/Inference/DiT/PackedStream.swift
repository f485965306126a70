public import Layers
public import Torch

// N batch, T tokens, D width.

/// Tokens that are updated in place: adding a branch, the norm and its modulation are one pass, whose
/// results have the number format of the packed layer that reads them.
///
/// It works across blocks too: the output of an MLP is added by the norm of the next block.
public struct PackedStream: ResidualStream {
  /// The packed layer.
  public typealias Layer = PackedLinear

  private let tokens: Tensor
  private let format: ActivationFormat
  private var pending: (y: BranchOutput, gate: ModulationVector)?

  /// - Parameters:
  ///   - tokens: `[N, T, D]`, contiguous; updated.
  ///   - format: of the tokens.
  init(_ tokens: Tensor, format: ActivationFormat) {
    self.tokens = tokens
    self.format = format
  }

  /// See `ResidualStream`.
  public mutating func normalized(
    by norm: NormKind, shift: ModulationVector, scale: ModulationVector, for layer: PackedLinear
  ) -> Activations {
    normalized(norm, shift: shift, scale: scale, as: layer.format)
  }

  /// See `ResidualStream`.
  public mutating func normalized(
    by norm: NormKind, shift: ModulationVector, scale: ModulationVector
  ) -> Tensor {
    normalized(norm, shift: shift, scale: scale, as: format).values
  }

  /// See `ResidualStream`.
  public mutating func add(_ y: BranchOutput, gate: ModulationVector) {
    if pending != nil { fatalError("a norm comes between two additions") }
    pending = (y, gate)
  }

  private mutating func normalized(
    _ norm: NormKind, shift: ModulationVector, scale: ModulationVector, as format: ActivationFormat
  ) -> Activations {
    guard let (y, gate) = pending else {
      return normModulate(
        tokens, shift: shift, scale: scale, epsilon: Self.epsilon, by: norm, as: format)
    }
    pending = nil
    return addAndNormModulate(
      tokens, y, gate: gate, shift: shift, scale: scale, epsilon: Self.epsilon, by: norm, as: format
    )
  }
}

extension PackedLinear: LinearLayer {
  /// Tokens that are updated in place.
  public typealias Stream = PackedStream

  /// Applies the layer; 8-bit sums stay sums until they are added.
  public func branchOutput(of x: Tensor) -> BranchOutput {
    branchOutput(Activations(x, as: format))
  }

  /// Applies both layers, GELU fused into the first product.
  public func gelu(
    _ x: Activations, form: GELUForm, then second: PackedLinear
  ) -> BranchOutput {
    second.branchOutput(gelu(x, form: form, as: second.format))
  }

  /// Applies both layers, gates and values in one product.
  public func swiGLU(_ x: Activations, then second: PackedLinear) -> BranchOutput {
    second.branchOutput(swiGLU(x, as: second.format))
  }

  /// Normalizes and rotates queries and keys, in place where our kernel serves.
  public static func prepared(_ qkv: Tensor, _ form: QueryKeyForm, headCount: Int) -> Tensor {
    form.updating(qkv, headCount: headCount)
  }
}
