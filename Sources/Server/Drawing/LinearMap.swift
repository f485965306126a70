internal import ImageData
internal import Torch

/// Red, green and blue as linear functions of the channels of latents, by least squares over the images
/// seen so far, of which later ones count more.
struct LinearMap {
  /// Of trial latents, which are not like those of images.
  static let trialWeight = 0.01
  /// What earlier images count when another comes.
  private static let memory = 0.98
  /// Keeps a channel that says nothing from a large factor.
  private static let ridge = 1e-4

  /// The sums of products of the channels and 1 with each other, `[C + 1, C + 1]`, and with the colors,
  /// `[C + 1, 3]`; float64.
  private var products: (own: Tensor, colors: Tensor)
  /// `[C + 1, 3]`, float32
  private var factors: Tensor

  init(channelCount: Int) {
    let count = channelCount + 1
    products = (
      Tensor.zeros([count, count], dtype: .float64), Tensor.zeros([count, 3], dtype: .float64)
    )
    factors = Tensor.zeros([count, 3])
  }

  /// Adds an image.
  ///
  /// - Parameters:
  ///   - latents: `[1, C, h, w]`
  ///   - image: what they decode to; its size is a multiple of h, w.
  ///   - weight: what it counts.
  mutating func learn(_ latents: Tensor, _ image: RGBImage, weight: Double = 1) {
    let rows = LinearMap.rows(latents.to(.cpu)).to(.float64)
    let (height, width) = (latents.size(2), latents.size(3))
    let pixels = Tensor(image.pixels, shape: [1, image.height, image.width, 3])
    let colors = RGBImage.modelInput(pixels).reshaped([
      3, height, image.height / height, width, image.width / width,
    ]).mean(axes: [2, 4]).reshaped([3, height * width]).transposed().to(.float64)
    let (memory, share) = (LinearMap.memory, weight / Double(height * width))
    products.own = products.own * memory + rows.transposed().matmul(rows) * share
    products.colors = products.colors * memory + rows.transposed().matmul(colors) * share
    factors = solution.to(.float32)
  }

  /// (own + ridge)⁻¹ colors
  private var solution: Tensor {
    let (values, vectors) = products.own.symmetricEigen()
    let largest = values.max().item
    let inverse = (values.clamped(min: 0) + largest * LinearMap.ridge).reciprocal
    return vectors.matmul(
      vectors.transposed().matmul(products.colors) * inverse.expandingDims(at: 1))
  }

  /// The colors of latents.
  ///
  /// - Parameter latents: `[1, C, h, w]`
  /// - Returns: `[1, 3, h, w]`, -1 ... 1, float32
  func pixels(_ latents: Tensor) -> Tensor {
    let (height, width) = (latents.size(2), latents.size(3))
    return LinearMap.rows(latents.to(.cpu)).matmul(factors).transposed().reshaped([
      1, 3, height, width,
    ])
  }

  /// The channels of each pixel, and 1: `[h w, C + 1]`, float32
  private static func rows(_ latents: Tensor) -> Tensor {
    let channels = latents.size(1)
    let rows = latents.to(.float32).reshaped([channels, -1]).transposed()
    return concatenated([rows, Tensor.ones([rows.size(0), 1])], axis: 1)
  }
}
