public import Models
public import Torch

/// An `InceptionV3` packed for a CPU, in float32.
///
/// It computes what `InceptionV3` computes, to rounding. Channels are last, weights are laid out once,
/// ReLU is part of the convolutions. Convolutions of 3 x 3 pixels without stride do a quarter of the
/// multiplications. Images are processed in small groups, so that results of a layer stay in the cache.
public final class PackedInception: InceptionNetwork {
  /// Images of a group.
  static let groupCount = 8

  private enum Stage {
    case convolution(PackedInceptionLayer)
    case pooling(InceptionPooling)
    case block(PackedInceptionBlock)
  }

  private let stages: [(name: String, stage: Stage)]
  private let classes: PackedLinear
  private let oneDNN: OneDNNConvolution

  /// Packs a network.
  ///
  /// - Parameter model: its parameters must be float32 on the CPU; nil if libtorch lacks the operators.
  public init?(_ model: InceptionV3) {
    guard let oneDNN = OneDNNConvolution() else { return nil }
    self.oneDNN = oneDNN
    var size = InceptionV3.imageSize
    stages = model.stages.map { name, stage in
      switch stage {
      case .convolution(let layer):
        let packed = PackedInceptionLayer(layer, size: size, oneDNN)
        size = packed.size
        return (name, .convolution(packed))
      case .pooling(let pooling):
        size = pooling.size(of: size)
        return (name, .pooling(pooling))
      case .block(let block):
        let packed = PackedInceptionBlock(block, size: size, oneDNN)
        size = packed.size
        return (name, .block(packed))
      }
    }
    classes = PackedLinear(weight: model.classWeight, bias: nil)
  }

  /// Computes features; see `InceptionNetwork`.
  public func callAsFunction(
    _ images: Tensor, visit: (_ stage: String, _ result: Tensor) throws -> Void = { _, _ in }
  ) rethrows -> InceptionOutput {
    let groups = try stride(from: 0, to: images.size(0), by: Self.groupCount).map { first in
      try features(of: images[first..<min(first + Self.groupCount, images.size(0))], visit)
    }
    let pooled = concatenated(groups.map(\.pooled))
    return InceptionOutput(
      pooled: pooled, spatial: concatenated(groups.map(\.spatial)),
      logits: classes(Activations(pooled, as: .float32)))
  }

  private func features(
    of images: Tensor, _ visit: (_ stage: String, _ result: Tensor) throws -> Void
  ) rethrows -> (pooled: Tensor, spatial: Tensor) {
    var x = inceptionInput(images)
    var spatial = x
    for (name, stage) in stages {
      switch stage {
      case .convolution(let layer): x = layer(x, oneDNN)
      case .pooling(let pooling): x = pooling.withChannelsLast(x)
      case .block(let block): x = block(x, oneDNN)
      }
      if name == InceptionV3.spatialStage {
        spatial = x.narrowed(axis: 3, start: 0, count: InceptionV3.spatialChannelCount)
          .flattened(from: 1)
      }
      try visit(name, x.permuted([0, 3, 1, 2]))
    }
    return (x.mean(axes: [1, 2]), spatial)
  }
}

/// The blocks' branches, packed.
private struct PackedInceptionBlock {
  private struct Branch {
    let pooling: InceptionPooling?
    let layers: [PackedInceptionLayer]
    let ends: [PackedInceptionLayer]
  }

  private let branches: [Branch]
  /// Height and width of the result.
  let size: Int

  init(_ block: InceptionBlock, size: Int, _ oneDNN: OneDNNConvolution) {
    var results: [Int] = []
    branches = block.branches.map { branch in
      var inner = branch.pooling?.size(of: size) ?? size
      let layers = branch.layers.map { layer in
        let packed = PackedInceptionLayer(layer, size: inner, oneDNN)
        inner = packed.size
        return packed
      }
      results.append(inner)
      return Branch(
        pooling: branch.pooling, layers: layers,
        ends: branch.ends.map { PackedInceptionLayer($0, size: inner, oneDNN) })
    }
    self.size = results[0]
  }

  /// `[N, H, W, C]` to `[N, H', W', C']`
  func callAsFunction(_ x: Tensor, _ oneDNN: OneDNNConvolution) -> Tensor {
    let parts = branches.flatMap { branch -> [Tensor] in
      if branch.pooling == .average { return [branch.layers[0].ofMeans(x, oneDNN)] }
      let pooled = branch.pooling?.withChannelsLast(x) ?? x
      let result = branch.layers.reduce(pooled) { $1($0, oneDNN) }
      return branch.ends.isEmpty ? [result] : branch.ends.map { $0(result, oneDNN) }
    }
    return concatenated(parts, axis: 3)
  }
}

extension InceptionPooling {
  /// Height and width of the result.
  fileprivate func size(of size: Int) -> Int { self == .halvingMaximum ? (size - 1) / 2 : size }

  /// `[N, H, W, C]` to `[N, H', W', C]`
  fileprivate func withChannelsLast(_ x: Tensor) -> Tensor {
    self(x.permuted([0, 3, 1, 2])).permuted([0, 2, 3, 1])
  }
}

/// The network of a mode: packed if there is a packed form for the device, else the model itself.
///
/// - Parameters:
///   - model: its parameters must be float32.
///   - mode: packed, or as written.
///   - device: the device of the parameters.
/// - Returns: a network.
public func makeInception(
  _ model: InceptionV3, mode: ExecutionMode, device: Device
) -> any InceptionNetwork {
  guard mode == .graph, device.capabilities.hasPackedKernels, let packed = PackedInception(model)
  else { return model }
  return packed
}
