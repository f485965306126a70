internal import Torch

// N images, C channels, H W image.

/// Channels before and after the blocks of a stage.
struct StageWidths {
  let input: Int
  let output: Int

  /// Numbers of a pixel in memory: what comes in, or later two images side by side.
  var pixelCount: Int { max(input, 2 * output) }

  /// Numbers of an image in memory, with a free row.
  func memoryCount(_ height: Int, _ width: Int) -> Int { (height + 1) * width * pixelCount }
}

/// The one memory in which images are encoded or decoded, float32, with channels last.
///
/// Each image has a place of its own. Each row has room for two images of a stage's output side by
/// side. What needs more room than the image has, another size and a change of channels, is done in
/// strips of rows: each is computed beside the memory and then put where rows of before are not needed
/// any more. So a stage takes the place of the one before it, and results are those of whole images.
struct ImageMemory {
  /// Some rows of one image.
  struct Strip {
    /// The rows, with those above and below if there are such, `[1, rows, W, C]`.
    let rows: Tensor
    /// Which of them are only neighbors.
    let neighbors: RowNeighbors
    /// Which image it is.
    let index: Int
    /// The place of the others in the image.
    let range: Range<Int>

    /// The rows without neighbors.
    var image: Tensor { rows(through: range.count) }
    /// The rows and the one below, if there is one.
    var imageAndRowBelow: Tensor { rows(through: range.count + (neighbors.below ? 1 : 0)) }

    /// Where its rows, or what comes of them, lie in images of the same or another height.
    func place(in images: Tensor, scale: (Int) -> Int = { $0 }) -> Tensor {
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
  /// 1 while the row above is free, then 0.
  private var firstRow = 1
  /// The images as they are now, `[N, H, W, C]`, a view; at first nothing has been written to them.
  private(set) var images: Tensor

  /// Memory for images that are doubled from each stage to the next.
  ///
  /// - Parameters:
  ///   - count: of images, N.
  ///   - height: of the first stage.
  ///   - width: of the first stage.
  ///   - stages: in their order.
  ///   - stripPixelCount: about so many pixels make a strip.
  init(
    count: Int, height: Int, width: Int, doublingThrough stages: [StageWidths], stripPixelCount: Int
  ) {
    var (size, before) = (0, 0)
    for (index, stage) in stages.enumerated() {
      let (h, w) = (height << index, width << index)
      let own = stage.memoryCount(h, w)
      // What comes from the stage before stands at the end, apart from that stage, and ends no
      // earlier than this one's rows and a row of its own.
      let row = w / 2 * stage.input
      size = max(size, own + (index > 0 ? row : 0), before)
      before = own + h * w * stage.output
    }
    self.init([count, size], height, width, stages[0], stripPixelCount)
  }

  /// Memory for images that are halved from each stage to the next; parameters as above.
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

  /// Room for images beside these, of the same shape.
  var beside: Tensor {
    let channels = images.size(-1)
    return view(row: firstRow, channel: channels, count: channels)
  }

  /// Puts two images with the channels that the stage ends with in the place of each.
  ///
  /// - Parameter body: the rows of the two images, `[1, rows, W, C]` or `[1, rows W, C]`, from a strip
  ///   of this one.
  /// - Returns: the second of them; the first is the image from now on.
  mutating func split(_ body: (Strip) throws -> (Tensor, Tensor)) rethrows -> Tensor {
    let source = images
    firstRow = 0
    let channels = stage.output
    let results = [0, channels].map { view(row: firstRow, channel: $0, count: channels) }
    for strip in strips(of: source, height, width, pixelCount: stripPixelCount) {
      let (first, second) = try body(strip)
      for (rows, result) in zip([first, second], results) {
        let place = strip.place(in: result)
        place.copyInPlace(from: rows.reshaped(place.shape))
      }
    }
    images = results[0]
    return results[1]
  }

  /// Puts an image of twice the size in the place of each.
  ///
  /// - Parameters:
  ///   - next: the stage that takes it.
  ///   - upsample: doubles and convolves.
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
      strip.place(in: images, scale: { 2 * $0 })
        .copyInPlace(from: upsample(strip.rows, doublesSize: true, neighbors: strip.neighbors))
    }
  }

  /// Puts an image of half the size in the place of each.
  ///
  /// - Parameters:
  ///   - next: the stage that takes it.
  ///   - body: half as many rows as a strip has, `[1, rows, W / 2, C]`.
  ///   - check: called before each strip; throws to stop.
  mutating func halve(
    for next: StageWidths, by body: (Strip) -> Tensor, _ check: () throws -> Void
  ) rethrows {
    let half = Tensor.empty([images.size(0), height / 2, width / 2, next.input])
    // A last row alone is half of none.
    for strip in strips(of: images, height, width, pixelCount: stripPixelCount)
    where strip.range.count > 1 {
      try check()
      strip.place(in: half, scale: { $0 / 2 }).copyInPlace(from: body(strip))
    }
    (height, width, stage, firstRow) = (height / 2, width / 2, next, 1)
    images = view(row: firstRow, channel: 0, count: next.input)
    images.copyInPlace(from: half)
  }

  /// Part of the channels of the memory's rows.
  private func view(row: Int, channel: Int, count: Int) -> Tensor {
    let stride = width * stage.pixelCount
    let size = storage.size(1)
    let start = row * stride + channel * width
    return storage.narrowed(axis: 1, start: start, count: size - start)
      .strided(shape: [storage.size(0), height, width, count], strides: [size, stride, count, 1])
  }

  /// Images cut into strips. Their heights are multiples of four, the convolution's unit, so that
  /// strips have the numbers of the whole.
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
