public import Torch

/// Weights of an Inception by the rule of `tools/golden/inception.py`: the same numbers there and here.
///
/// - Parameter shapes: of the parameters, by name.
/// - Returns: the parameters, float32.
/// - Throws: `TorchError` if the generator fails.
public func drawnInception(_ shapes: [String: [Int]]) throws -> [String: Tensor] {
  var state: [String: Tensor] = [:]
  for (index, name) in shapes.keys.sorted().enumerated() {
    let shape = shapes[name] ?? []
    // Uniform in 0 ..< 1.
    let numbers = Tensor.rand(shape, generator: try Generator(seed: UInt64(index)))
    switch name.split(separator: ".").suffix(2).joined(separator: ".") {
    case "bn.weight": state[name] = numbers * 0.5 + 0.75
    case "bn.bias": state[name] = numbers * 0.5 - 0.1
    case "bn.running_mean": state[name] = numbers * 0.2 - 0.1
    case "bn.running_var": state[name] = numbers * 0.5 + 0.5
    case "fc.bias": state[name] = numbers - 0.5
    default:
      // Sums of zero, so that what all inputs share does not grow from layer to layer.
      let axes = Array(1..<shape.count)
      let fanIn = shape.dropFirst().reduce(1, *)
      state[name] =
        (numbers - numbers.mean(axes: axes, keepingDims: true)) * (18 / Double(fanIn)).squareRoot()
    }
  }
  return state
}

/// The two images of `tools/golden/make_inception.py`, `[2, height, width, 3]`, uint8.
public func drawnImages(height: Int, width: Int) -> Tensor {
  var bytes: [UInt8] = []
  for n in 0..<2 {
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<3 {
          let wave = (y * (3 + n) + x * (2 + c) + 40 * n * c) % 256
          let noise = (y * 7919 + x * 104_729 + c * 1_299_709 + n * 15_485_863) % 251
          bytes.append(UInt8((min(wave, 255 - wave) * 6 + noise) / 4))
        }
      }
    }
  }
  return Tensor(bytes, shape: [2, height, width, 3])
}
