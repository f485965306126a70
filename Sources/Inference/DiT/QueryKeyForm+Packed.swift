internal import Layers
internal import Torch

extension QueryKeyForm {
  /// Normalizes and rotates queries and keys, `[N, T, 3 D]`, in place where our kernel serves.
  func updating(_ qkv: Tensor, headCount: Int) -> Tensor {
    let isDone = prepareQueriesAndKeys(
      qkv, headCount: headCount, cosines: positions?.cosines, sines: positions?.sines,
      norm: norms.map { query, key in
        (query.kind, (query.weight, query.bias), (key.weight, key.bias))
      }, epsilon: norms?.query.epsilon ?? 0)
    return isDone ? qkv : self(qkv, headCount: headCount)
  }
}
