internal import Checkpoint
internal import ImageData
internal import Inference
internal import Layers
internal import Models
public import Torch

/// The class token of a DINOv2 (Oquab et al. 2023), the feature of the Fréchet distance that Stein et al.
/// 2023 propose.
///
/// Images are resized to 224 x 224 as Pillow does it, and ImageNet's mean and deviation are taken out, as in
/// the program of that paper (dgm-eval). float32.
public final class DINOv2Features: FeatureNetwork {
  /// Height and width of the images that the network sees.
  public static let imageSize = 224
  /// Images that the network sees at once on a processor: more take memory and are no faster.
  private static let batchSize = 32

  /// `dinov2-vitb14`, `dinov2-vitl14`.
  public let name: String
  private let network: PackedDINOv2
  private let device: Device

  /// D.
  public var featureCount: Int { network.config.width }
  /// Nil.
  public var spatialCount: Int? { nil }
  /// Nil.
  public var classCount: Int? { nil }

  /// Packs a network.
  ///
  /// - Parameters:
  ///   - config: the shape of the network.
  ///   - state: its parameters by their published names.
  ///   - device: where to run.
  ///   - partDone: called after each part, when its weights are no longer needed.
  /// - Throws: `EvaluationError` if 224 is no multiple of the patch size; `TorchError` if memory does not
  ///   suffice.
  init(
    _ config: DINOv2Config, _ state: [String: Tensor], on device: Device, partDone: () -> Void
  ) throws {
    guard Self.imageSize.isMultiple(of: config.patchSize) else {
      throw EvaluationError(
        .unknownFeatures,
        "a DINOv2 with patches of \(config.patchSize) pixels, of which \(Self.imageSize) is no multiple"
      )
    }
    name = "dinov2-" + config.name
    self.device = device
    network = try withTorchErrors {
      PackedDINOv2(config, imageSize: Self.imageSize) {
        ParameterStore(.load(state, dtype: .float32, device: device))
      } partDone: {
        partDone()
      }
    }
  }

  /// The class tokens of images.
  public func features(of images: Tensor, check: () throws -> Void) throws -> ImageFeatures {
    let size = Self.imageSize
    let resized = try RGBImage.resizedAsPillow(images, height: size, width: size, check: check)
    let step = device.isCPU ? Self.batchSize : images.size(0)
    let parts = try stride(from: 0, to: images.size(0), by: max(step, 1)).map { start in
      try check()
      return try withTorchErrors {
        try network(
          Self.input(resized[start..<min(start + step, images.size(0))].to(device)), check: check
        ).to(.cpu)
      }
    }
    return ImageFeatures(pooled: parts.count == 1 ? parts[0] : concatenated(parts))
  }

  /// Bytes as the network's input, `[N, H, W, 3]` to `[N, 3, H, W]`.
  private static func input(_ pixels: Tensor) -> Tensor {
    func vector(_ numbers: [Float]) -> Tensor {
      Tensor(numbers, shape: [1, 3, 1, 1]).to(pixels.device)
    }
    let values = pixels.permuted([0, 3, 1, 2]).contiguous.to(.float32) / 255
    return (values - vector([0.485, 0.456, 0.406])) / vector([0.229, 0.224, 0.225])
  }
}
