internal import Layers
internal import Torch

/// A small residual network (He et al. 2016) that tells classes apart.
struct JudgeNetwork {
  /// Channels of the first stage; each stage has twice as many as the one before.
  private static let width = 48
  private static let stageCount = 3
  /// Features of an image, D.
  static let featureCount = width << (stageCount - 1)

  private let stem: Conv2d
  private let norm: BatchNorm2d
  private let blocks: [Block]
  private let head: Linear

  /// Makes all parameters at a scope.
  ///
  /// - Parameters:
  ///   - classCount: K.
  ///   - inputSize: height and width of images, a multiple of 16: the first layer makes 16 x 16 patches.
  ///   - scope: the scope of the names.
  init(classCount: Int, inputSize: Int, at scope: Scope) {
    let patch = inputSize / 16
    stem = Conv2d(
      3, Self.width, kernelSize: patch, stride: patch, at: scope / "stem", hasBias: false)
    norm = BatchNorm2d(Self.width, at: scope / "norm")
    blocks = (0..<Self.stageCount).map { stage in
      Block(
        Self.width << max(stage - 1, 0), Self.width << stage, stride: stage == 0 ? 1 : 2,
        at: scope / "blocks" / stage)
    }
    head = Linear(Self.featureCount, classCount, at: scope / "head")
  }

  /// Whether a parameter is moved by gradients.
  static func isTrained(_ name: String) -> Bool { !name.contains("running_") }

  /// The features of images, `[N, 3, H, W]` in -1 to 1 to `[N, D]`.
  func features(_ images: Tensor, isTraining: Bool) -> Tensor {
    var x = relu(norm(stem(images), isTraining: isTraining))
    for block in blocks { x = block(x, isTraining: isTraining) }
    return x.mean(axes: [2, 3])
  }

  /// The scores of classes, `[N, D]` to `[N, K]`.
  func logits(_ features: Tensor) -> Tensor { head(features) }

  /// Two convolutions around which the images pass, by a third one where their shape changes.
  private struct Block {
    let first: Conv2d
    let firstNorm: BatchNorm2d
    let second: Conv2d
    let secondNorm: BatchNorm2d
    let shortcut: Conv2d?

    init(_ inputCount: Int, _ outputCount: Int, stride: Int, at scope: Scope) {
      first = Conv2d(
        inputCount, outputCount, kernelSize: 3, stride: stride, padding: 1, at: scope / "conv1",
        hasBias: false)
      firstNorm = BatchNorm2d(outputCount, at: scope / "norm1")
      second = Conv2d(
        outputCount, outputCount, kernelSize: 3, padding: 1, at: scope / "conv2", hasBias: false)
      secondNorm = BatchNorm2d(outputCount, at: scope / "norm2")
      shortcut =
        stride == 1 && inputCount == outputCount
        ? nil
        : Conv2d(
          inputCount, outputCount, kernelSize: 1, stride: stride, at: scope / "shortcut",
          hasBias: false)
    }

    func callAsFunction(_ x: Tensor, isTraining: Bool) -> Tensor {
      let inner = relu(firstNorm(first(x), isTraining: isTraining))
      let outer = secondNorm(second(inner), isTraining: isTraining)
      return relu(outer + (shortcut.map { $0(x) } ?? x))
    }
  }
}
