internal import Diffusion
internal import Torch

/// A network that writes to the same memory in each call, as a recorded step of a GPU does.
func writingToOneTensor(_ network: @escaping Network) -> Network {
  var output: Tensor?
  return { x, time in
    let result = network(x, time)
    guard let output else {
      output = result
      return result
    }
    output.copyInPlace(from: result)
    return output
  }
}
