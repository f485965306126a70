internal import Torch

// N images, C channels, H W image.

/// Channels before and after the blocks of a stage.
struct StageWidths {
  let input: Int
  let output: Int

  /// Numbers per pixel: the input, or later two images side by side.
  var pixelCount: Int { max(input, 2 * output) }

  /// Numbers per image, with one free row.
  func memoryCount(_ height: Int, _ width: Int) -> Int { (height + 1) * width * pixelCount }
}

/// The buffer in which images are encoded or decoded, float32, with channels last.
///
/// Each row has room for two images of a stage's output side by side. Changes of size and of channels
/// need more room, so they are done in strips of rows: a strip is computed outside of the buffer, then
/// written over rows that are no longer needed. So each stage overwrites the one before, and results
/// are those of whole images.
struct ImageMemory {
  /// Some rows of one image.
  struct Strip {
    /// The rows, with one neighbor above and below if there are any, `[1, rows, W, C]`.
    let rows: Tensor
    /// Which of them are only neighbors.
    let neighbors: RowNeighbors
    /// The index of the image.
    let index: Int
    /// The rows of the image, without neighbors.
    let range: Range<Int>

    /// The rows without neighbors.
    var image: Tensor { rows(through: range.count) }
    /// The rows and the one below, if there is one.
    var imageAndRowBelow: Tensor { rows(through: range.count + (neighbors.below ? 1 : 0)) }

    /// The part of some images that belongs to its rows, for images of the same or another height.
    func part(in images: Tensor, scale: (Int) -> Int = { $0 }) -> Tensor {
      images[index..<index + 1].narrowed(
        axis: 1, start: scale(range.lowerBound), count: scale(range.count))
    }

    private func rows(through count: Int) -> Tensor {
      rows.narrowed(axis: 1, start: neighbors.above ? 1 : 0, count: count)
    }
  }

  private let storage: Tensor
  private let stripPixelCount: Int
  private var height: Int
  private var width: Int
  private var stage: StageWidths
  /// 1 while the first row is free, then 0.
  private var firstRow = 1
  /// The current images, `[N, H, W, C]`, a view; not initialized at first.
  private(set) var images: Tensor

  /// A buffer for images that double in size from stage to stage.
  ///
  /// - Parameters:
  ///   - count: the number of images, N.
  ///   - height: of the first stage.
  ///   - width: of the first stage.
  ///   - stages: in order.
  ///   - stripPixelCount: approximate strip size in pixels.
  init(
    count: Int, height: Int, width: Int, doublingThrough stages: [StageWidths], stripPixelCount: Int
  ) {
    var (size, before) = (0, 0)
    for (index, stage) in stages.enumerated() {
      let (h, w) = (height << index, width << index)
      let own = stage.memoryCount(h, w)
      // The input from the stage before lies at the end, past that stage's own rows, and at least a
      // row past this stage's rows.
      let row = w / 2 * stage.input
      size = max(size, own + (index > 0 ? row : 0), before)
      before = own + h * w * stage.output
    }
    self.init([count, size], height, width, stages[0], stripPixelCount)
  }

  /// A buffer for images that halve in size from stage to stage.
  ///
  /// - Parameters:
  ///   - count: the number of images, N.
  ///   - height: of the first stage.
  ///   - width: of the first stage.
  ///   - stages: in order.
  ///   - stripPixelCount: approximate strip size in pixels.
  init(
    count: Int, height: Int, width: Int, halvingThrough stages: [StageWidths], stripPixelCount: Int
  ) {
    let sizes = stages.enumerated().map { $1.memoryCount(height >> $0, width >> $0) }
    self.init([count, sizes.reduce(0, max)], height, width, stages[0], stripPixelCount)
  }

  private init(
    _ shape: [Int], _ height: Int, _ width: Int, _ stage: StageWidths, _ stripPixelCount: Int
  ) {
    (self.height, self.width, self.stage) = (height, width, stage)
    self.stripPixelCount = stripPixelCount
    storage = .empty(shape)
    images = storage
    images = view(row: firstRow, channel: 0, count: stage.input)
  }

  /// Free room next to the images, of the same shape.
  var neighbor: Tensor {
    let channels = images.size(-1)
    return view(row: firstRow, channel: channels, count: channels)
  }

  /// Replaces each image by two with the stage's output channels.
  ///
  /// - Parameter body: computes a strip of both images, `[1, rows, W, C]` or `[1, rows W, C]`.
  /// - Returns: the second images; `images` is now the first ones.
  mutating func split(_ body: (Strip) throws -> (Tensor, Tensor)) rethrows -> Tensor {
    let source = images
    firstRow = 0
    let channels = stage.output
    let results = [0, channels].map { view(row: firstRow, channel: $0, count: channels) }
    for strip in strips(of: source, height, width, pixelCount: stripPixelCount) {
      let (first, second) = try body(strip)
      for (rows, result) in zip([first, second], results) {
        let part = strip.part(in: result)
        part.copyInPlace(from: rows.reshaped(part.shape))
      }
    }
    images = results[0]
    return results[1]
  }

  /// Replaces each image by one of twice the size.
  ///
  /// - Parameters:
  ///   - next: the next stage.
  ///   - upsample: the convolution.
  ///   - check: called before each strip; throws to stop.
  mutating func double(
    for next: StageWidths, by upsample: PackedConvolution, _ check: () throws -> Void
  ) rethrows {
    let (count, rows, columns, channels) = images.size4
    let size = rows * columns * channels
    let source = storage.narrowed(axis: 1, start: storage.size(1) - size, count: size)
      .strided(
        shape: [count, rows, columns, channels],
        strides: [storage.size(1), columns * channels, channels, 1])
    source.copyInPlace(from: images)
    let strips = strips(of: source, height, width, pixelCount: stripPixelCount / 4)
    (height, width, stage, firstRow) = (2 * height, 2 * width, next, 1)
    images = view(row: firstRow, channel: 0, count: next.input)
    for strip in strips {
      try check()
      strip.part(in: images, scale: { 2 * $0 })
        .copyInPlace(from: upsample(strip.rows, doublesSize: true, neighbors: strip.neighbors))
    }
  }

  /// Replaces each image by one of half the size.
  ///
  /// - Parameters:
  ///   - next: the next stage.
  ///   - body: halves a strip, to `[1, rows / 2, W / 2, C]`.
  ///   - check: called before each strip; throws to stop.
  mutating func halve(
    for next: StageWidths, by body: (Strip) -> Tensor, _ check: () throws -> Void
  ) rethrows {
    let half = Tensor.empty([images.size(0), height / 2, width / 2, next.input])
    // A single last row is dropped.
    for strip in strips(of: images, height, width, pixelCount: stripPixelCount)
    where strip.range.count > 1 {
      try check()
      strip.part(in: half, scale: { $0 / 2 }).copyInPlace(from: body(strip))
    }
    (height, width, stage, firstRow) = (height / 2, width / 2, next, 1)
    images = view(row: firstRow, channel: 0, count: next.input)
    images.copyInPlace(from: half)
  }

  /// Some channels of the buffer's rows.
  private func view(row: Int, channel: Int, count: Int) -> Tensor {
    let stride = width * stage.pixelCount
    let size = storage.size(1)
    let start = row * stride + channel * width
    return storage.narrowed(axis: 1, start: start, count: size - start)
      .strided(shape: [storage.size(0), height, width, count], strides: [size, stride, count, 1])
  }

  /// Cuts images into strips. Heights are multiples of four, the convolution's tile, so that results
  /// equal those of whole images.
  private func strips(
    of images: Tensor, _ height: Int, _ width: Int, pixelCount: Int
  ) -> [Strip] {
    let step = max(pixelCount / max(width, 1) / 4, 1) * 4
    return (0..<images.size(0)).flatMap { index in
      stride(from: 0, to: height, by: step).map { start in
        let end = min(start + step, height)
        let neighbors = RowNeighbors(above: start > 0, below: end < height)
        return Strip(
          rows: images[index..<index + 1].narrowed(
            axis: 1, start: start - (neighbors.above ? 1 : 0),
            count: end - start + neighbors.count),
          neighbors: neighbors, index: index, range: start..<end)
      }
    }
  }
}
