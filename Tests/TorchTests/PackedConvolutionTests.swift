internal import TestSupport
internal import Testing
internal import Torch

@Suite(.ownKernels) struct PackedConvolutionTests {
  /// Images, input channels, height, width, output channels. Includes sizes that are no multiples of a
  /// tile, vector, run or panel, single pixels, and more tiles than one group.
  static let shapes = [
    [1, 8, 4, 4, 16], [2, 16, 5, 7, 3], [3, 8, 1, 1, 5], [1, 64, 16, 16, 32], [1, 32, 9, 2, 130],
    [2, 8, 70, 66, 19], [1, 256, 6, 10, 24], [1, 72, 61, 43, 40],
  ]

  /// Images `[N, H, W, C]`, a layer, and the norm before it.
  private struct Case {
    let x: Tensor
    let weight: Tensor
    let bias: Tensor
    let normWeight: Tensor
    let normBias: Tensor
    let groupCount: Int

    init(_ shape: [Int]) throws {
      let generator = try Generator(seed: 3)
      let (n, c, h, w, o) = (shape[0], shape[1], shape[2], shape[3], shape[4])
      x = Tensor.randn([n, h, w, c], generator: generator) * 2 + 0.5
      weight = Tensor.randn([o, c, 3, 3], generator: generator)
      bias = Tensor.randn([o], generator: generator)
      normWeight = Tensor.randn([c], generator: generator)
      normBias = Tensor.randn([c], generator: generator)
      groupCount = c / 4
    }

    var factors: ChannelFactors {
      ChannelFactors(
        ofGroupNorm: x, groupCount: groupCount, weight: normWeight, bias: normBias, epsilon: 1e-6)
    }

    func layer(_ laneCount: Int) -> PackedConvolution {
      PackedConvolution(weight: weight, bias: bias, laneCount: laneCount)
    }

    /// The reference, `[N, C, H, W]`, in double precision.
    var images: Tensor { x.permuted([0, 3, 1, 2]).to(.float64) }

    var normalized: Tensor {
      silu(
        groupNorm(
          images, groupCount: groupCount, weight: normWeight.to(.float64),
          bias: normBias.to(.float64), epsilon: 1e-6))
    }

    /// The same with channels last.
    func convolved(_ images: Tensor) -> Tensor {
      conv2d(images, weight: weight.to(.float64), bias: bias.to(.float64), padding: 1)
        .permuted([0, 2, 3, 1])
    }
  }

  @Test(arguments: shapes, PackedConvolution.laneCounts)
  func convolves(_ shape: [Int], laneCount: Int) throws {
    let values = try Case(shape)
    let layer = values.layer(laneCount)
    #expect(relativeError(layer(values.x), values.convolved(values.images)) < Tolerance.float32)
    let plain = PackedConvolution(weight: values.weight, bias: nil, laneCount: laneCount)
    #expect(
      relativeError(plain(values.x) + values.bias, values.convolved(values.images))
        < Tolerance.float32)
  }

  @Test(arguments: shapes, PackedConvolution.laneCounts)
  func normalizesFirst(_ shape: [Int], laneCount: Int) throws {
    let values = try Case(shape)
    let layer = values.layer(laneCount)
    let expected = values.convolved(values.normalized)
    #expect(relativeError(layer(values.x, norm: values.factors), expected) < Tolerance.float32)
  }

  @Test(arguments: shapes, PackedConvolution.laneCounts)
  func doublesTheSizeFirst(_ shape: [Int], laneCount: Int) throws {
    let values = try Case(shape)
    let layer = values.layer(laneCount)
    let expected = values.convolved(upsampledNearest2x(values.images))
    #expect(relativeError(layer(values.x, doublesSize: true), expected) < Tolerance.float32)
  }

  @Test(arguments: shapes, PackedConvolution.laneCounts)
  func addsToExistingValues(_ shape: [Int], laneCount: Int) throws {
    let values = try Case(shape)
    let layer = values.layer(laneCount)
    let sum = Tensor.randn(
      [shape[0], shape[2], shape[3], shape[4]], generator: try Generator(seed: 4))
    let expected = sum.to(.float64) + values.convolved(values.images)
    layer.add(values.x, norm: nil, to: sum)
    #expect(relativeError(sum, expected) < Tolerance.float32)
    layer.write(values.x, norm: nil, to: sum)
    #expect(relativeError(sum, values.convolved(values.images)) < Tolerance.float32)
  }

  // Into some of the channels of a larger tensor, from some of another's, with and without padding.
  @Test(arguments: shapes, PackedConvolution.laneCounts)
  func rectifiesAmongOtherChannels(_ shape: [Int], laneCount: Int) throws {
    let values = try Case(shape)
    let (count, height, width, outputs) = (shape[0], shape[2], shape[3], shape[4])
    let wide = concatenated([values.x, Tensor.full([count, height, width, 3], .nan)], axis: 3)
    let x = wide.narrowed(axis: 3, start: 0, count: shape[1])
    let whole = relu(values.convolved(values.images))
    let layer = values.layer(laneCount)
    for isPadded in [true, false] where isPadded || min(height, width) > 2 {
      let edge = isPadded ? 0 : 1
      let memory = Tensor.full([count, height - 2 * edge, width - 2 * edge, outputs + 7], 5)
      layer.writeRectified(
        x, isPadded: isPadded, to: memory.narrowed(axis: 3, start: 4, count: outputs))
      let inner = whole.narrowed(axis: 1, start: edge, count: height - 2 * edge)
        .narrowed(axis: 2, start: edge, count: width - 2 * edge)
      #expect(
        relativeError(memory.narrowed(axis: 3, start: 4, count: outputs), inner)
          < Tolerance.float32)
      for (start, channels) in [(0, 4), (4 + outputs, 3)] {
        let beside = memory.narrowed(axis: 3, start: start, count: channels)
        #expect(beside.isEqual(to: 5).allTrue)
      }
    }
  }

  // Strips of four rows of images that lie side by side.
  @Test(arguments: [false, true], PackedConvolution.laneCounts)
  func stripsMatchWholeImages(_ doublesSize: Bool, laneCount: Int) throws {
    let values = try Case([2, 16, 10, 9, 5])
    let layer = values.layer(laneCount)
    let (x, norm) = (values.x, values.factors)
    let whole = layer(x, norm: norm, doublesSize: doublesSize)
    let memory = concatenated(
      [Tensor.full([2, 10, 9 * 3], .nan), x.reshaped([2, 10, 9 * 16])], axis: 2)
    let images = memory.narrowed(axis: 2, start: 27, count: 9 * 16)
      .strided(shape: x.shape, strides: [10 * 171, 171, 16, 1])
    let strips = [0..<4, 4..<8, 8..<10].map { range in
      let neighbors = RowNeighbors(above: range.lowerBound > 0, below: range.upperBound < 10)
      let rows = images.narrowed(
        axis: 1, start: range.lowerBound - (neighbors.above ? 1 : 0),
        count: range.count + neighbors.count)
      return layer(rows, norm: norm, doublesSize: doublesSize, neighbors: neighbors)
    }
    #expect(relativeError(concatenated(strips, axis: 1), whole) == 0)
    let factors = ChannelFactors(
      ofGroupNorm: images, groupCount: values.groupCount, weight: values.normWeight,
      bias: values.normBias, epsilon: 1e-6)
    #expect(relativeError(factors.offsets, norm.offsets) == 0)
  }

  // The number of tiles per thread decides when filters are transformed.
  @Test(arguments: PackedConvolution.laneCounts)
  func stripsOfAnySizeMatchWholeImages(_ laneCount: Int) throws {
    let values = try Case([1, 16, 120, 120, 40])
    let layer = values.layer(laneCount)
    let whole = layer(values.x, norm: values.factors)
    for range in [0..<4, 4..<36, 36..<120] {
      let neighbors = RowNeighbors(above: range.lowerBound > 0, below: range.upperBound < 120)
      let rows = values.x.narrowed(
        axis: 1, start: range.lowerBound - (neighbors.above ? 1 : 0),
        count: range.count + neighbors.count)
      let strip = layer(rows, norm: values.factors, neighbors: neighbors)
      let expected = whole.narrowed(axis: 1, start: range.lowerBound, count: range.count)
      #expect(relativeError(strip, expected) == 0)
    }
  }

  @Test func writesNextToItsInput() throws {
    let values = try Case([1, 8, 6, 5, 8])
    let layer = PackedConvolution(weight: values.weight, bias: values.bias)
    let memory = Tensor.zeros([6, 2, 5, 8])
    let sides = [0, 1].map { memory.selected(axis: 1, index: $0).expandingDims(at: 0) }
    sides[0].copyInPlace(from: values.x)
    layer.write(sides[0], norm: nil, to: sides[1])
    #expect(relativeError(sides[0], values.x) == 0)
    #expect(relativeError(sides[1], values.convolved(values.images)) < Tolerance.float32)
  }

  // Each image has memory for two images of 240 numbers and 7 more: no multiple of a row.
  @Test func writesNextToItsInputWithinEachImage() throws {
    let values = try Case([2, 8, 6, 5, 8])
    let layer = PackedConvolution(weight: values.weight, bias: values.bias)
    let memory = Tensor.zeros([3, 487])
    func images(at start: Int, rowStride: Int) -> Tensor {
      memory.narrowed(axis: 1, start: start, count: 487 - start)
        .strided(shape: [2, 6, 5, 8], strides: [487, rowStride, 8, 1])
    }
    for (start, rowStride) in [(40, 80), (240, 40)] {
      let (x, result) = (
        images(at: 0, rowStride: rowStride), images(at: start, rowStride: rowStride)
      )
      x.copyInPlace(from: values.x)
      layer.write(x, norm: nil, to: result)
      #expect(relativeError(x, values.x) == 0)
      #expect(relativeError(result, values.convolved(values.images)) < Tolerance.float32)
    }
    // Shared columns; an end in the next image's memory; shared rows.
    for (start, rowStride) in [(39, 80), (248, 40), (200, 40)] {
      let error = #expect(throws: TorchError.self) {
        try withTorchErrors {
          layer.write(
            images(at: 0, rowStride: rowStride), norm: nil,
            to: images(at: start, rowStride: rowStride))
        }
      }
      #expect(error?.message.contains("written over x") == true)
    }
  }

  @Test func rejectsWrongLayoutsAndOverlaps() throws {
    let values = try Case([1, 8, 8, 5, 8])
    let layer = PackedConvolution(weight: values.weight, bias: values.bias)
    func refuses(_ part: String, _ body: () -> Void) {
      let error = #expect(throws: TorchError.self) { try withTorchErrors(body) }
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
    refuses("written over x") { layer.write(values.x, norm: nil, to: values.x) }
    let rows = Tensor.zeros([1, 9, 5, 8])
    refuses("written over x") {
      layer.write(
        rows.narrowed(axis: 1, start: 0, count: 8), norm: nil,
        to: rows.narrowed(axis: 1, start: 1, count: 8))
    }
    refuses("bias") {
      _ = PackedConvolution(weight: values.weight, bias: Tensor.zeros([7]))(values.x)
    }
    refuses("float32") {
      _ = PackedConvolution(weight: values.weight, bias: values.bias.to(.float64))(values.x)
    }
    refuses("against a weight") { _ = layer(values.x.narrowed(axis: 3, start: 0, count: 4)) }
    refuses("vectors") { _ = values.layer(12)(values.x) }
    let convolution = Operator("dit::convolution_3x3_")
    refuses("pack_convolution_weight") {
      _ = convolution.results(
        .tensor(values.x.cloned), .tensor(values.x), .tensor(values.weight), nil, nil, nil, false,
        false, false, 0, 0, 0, 8, count: 0)
    }
  }

  @Test(arguments: PackedConvolution.laneCounts)
  func batchesMatchSingleImages(_ laneCount: Int) throws {
    let values = try Case([3, 16, 41, 23, 8])
    let layer = values.layer(laneCount)
    let all = layer(values.x, norm: values.factors)
    for row in 0..<3 {
      let x = values.x[row..<row + 1].contiguous
      let factors = ChannelFactors(
        ofGroupNorm: x, groupCount: values.groupCount, weight: values.normWeight,
        bias: values.normBias, epsilon: 1e-6)
      #expect(relativeError(layer(x, norm: factors), all[row..<row + 1]) == 0)
    }
  }

  @Test func keepsPrecisionFarFromZero() throws {
    let generator = try Generator(seed: 5)
    let x = Tensor.randn([2, 33, 17, 8], generator: generator) + 300
    let (weight, bias) = (Tensor.ones([8]), Tensor.zeros([8]))
    let norm = ChannelFactors(
      ofGroupNorm: x, groupCount: 2, weight: weight, bias: bias, epsilon: 1e-6)
    let exact = groupNorm(
      x.permuted([0, 3, 1, 2]).to(.float64), groupCount: 2, weight: weight.to(.float64),
      bias: bias.to(.float64), epsilon: 1e-6)
    let factors = norm.factors.reshaped([2, 1, 1, 8]).to(.float64)
    let offsets = norm.offsets.reshaped([2, 1, 1, 8]).to(.float64)
    let result = (x.to(.float64) * factors + offsets).permuted([0, 3, 1, 2])
    #expect(relativeError(result, exact) < 1e-4)  // the offset is rounded at 300
  }

  /// One number of the first of two images.
  @Test(arguments: [Double.nan, .infinity, -.infinity], PackedConvolution.laneCounts)
  func propagatesNaNAndInfinity(_ number: Double, laneCount: Int) throws {
    let values = try Case([2, 8, 9, 7, 16])
    let layer = values.layer(laneCount)
    let x = values.x.cloned
    x[0][4][3][1..<2].copyInPlace(from: .full([1], number))
    let results: [(with: Tensor, without: Tensor)] = [
      (layer(x), layer(values.x)),
      (layer(x, norm: values.factors), layer(values.x, norm: values.factors)),
    ]
    for (result, sound) in results {
      // All pixels of which the filter sees the number.
      for row in 3...5 {
        for column in 2...4 { #expect(!result[0][row][column].isFinite.anyTrue) }
      }
      #expect(relativeError(result[1], sound[1]) == 0)
    }
    // The statistics of its group reach all pixels.
    let factors = ChannelFactors(
      ofGroupNorm: x, groupCount: values.groupCount, weight: values.normWeight,
      bias: values.normBias, epsilon: 1e-6)
    let result = layer(x, norm: factors)
    #expect(!result[0].isFinite.anyTrue)
    #expect(relativeError(result[1], results[1].without[1]) == 0)
  }
}
