private enum LinearAlgebra {
  static let symmetricEigen = Operator("aten::linalg_eigh")
  static let singularValues = Operator("aten::linalg_svdvals")
  static let cholesky = Operator("aten::linalg_cholesky_ex")
  static let addProduct = Operator("aten::addmm")
}

extension Tensor {
  /// The eigenvalues of a symmetric matrix in rising order, `[D]`, and its eigenvectors as columns,
  /// `[D, D]`. The lower triangle alone is read.
  public func symmetricEigen() -> (values: Tensor, vectors: Tensor) {
    let results = LinearAlgebra.symmetricEigen.results(.tensor(self), count: 2)
    return (results[0], results[1])
  }

  /// The lower triangular matrix that times its transpose is this symmetric matrix, `[D, D]`; nil if it is not
  /// positive definite to rounding.
  public func choleskyFactor() -> Tensor? {
    let results = LinearAlgebra.cholesky.results(.tensor(self), false, false, count: 2)
    return results[1].item == 0 ? results[0] : nil
  }

  /// The singular values of a matrix in falling order, `[min(rows, columns)]`.
  public func singularValues() -> Tensor { LinearAlgebra.singularValues(.tensor(self), nil) }

  /// self + a b.
  ///
  /// - Parameters:
  ///   - a: `[N, K]`
  ///   - b: `[K, M]`
  /// - Returns: `[N, M]`
  public func addingMatrixProduct(_ a: Tensor, _ b: Tensor) -> Tensor {
    LinearAlgebra.addProduct(.tensor(self), .tensor(a), .tensor(b))
  }
}
