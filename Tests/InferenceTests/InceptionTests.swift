internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

/// Serial: each network has 95 MB of weights.
@Suite(.serialized) struct InceptionTests {
  private static func model() throws -> InceptionV3 {
    let shapes = ParameterStore(.shapes)
    _ = InceptionV3(at: shapes.root)
    let store = ParameterStore(.load(try drawnInception(shapes.stateDict.mapValues(\.shape))))
    let model = withoutGradients { InceptionV3(at: store.root) }
    try store.verifyLoaded()
    return model
  }

  private static func networks() throws -> [any InceptionNetwork] {
    let model = try model()
    return [ExecutionMode.eager, .graph].map {
      makeInception(model, mode: $0, device: .cpu)
    }
  }

  /// The pixels and channels that `tools/golden/make_inception.py` keeps of a stage.
  private static func part(_ x: Tensor) -> Tensor {
    let (_, channels, height, width) = x.size4
    let step = max(height / 3, 1)
    func every(_ step: Int, from start: Int = 0, of count: Int) -> Tensor {
      Tensor(stride(from: start, to: count, by: step).map { Int64($0) })
    }
    return x.gathered(every(max(channels / 12, 1), of: channels), axis: 1)
      .gathered(every(step, from: step / 2, of: height), axis: 2)
      .gathered(every(step, from: step / 3, of: width), axis: 3)
  }

  @Test func seesWhatTheReferenceSees() throws {
    let values = try GoldenValues("inception")
    let networks = try InceptionTests.networks()
    #expect(networks[1] is PackedInception == Processor.hasOwnKernels)
    for (height, width) in [(64, 64), (299, 299), (301, 256)] {
      let images = drawnImages(height: height, width: width)
      func value(_ name: String) -> Tensor { values["\(height)x\(width).\(name)"] }
      for network in networks {
        var names: [String] = []
        let output = withoutGradients {
          network(images) { name, result in
            names.append(name)
            let error = relativeError(InceptionTests.part(result), value("stages." + name))
            #expect(error < Tolerance.features, "\(height) x \(width): \(name)")
          }
        }
        #expect(names.count == 18 && names[0] == "Conv2d_1a_3x3" && names[17] == "Mixed_7c")
        #expect(relativeError(output.pooled, value("pooled")) < Tolerance.features)
        #expect(relativeError(output.spatial, value("spatial")) < Tolerance.features)
        #expect(relativeError(output.logits, value("logits")) < Tolerance.features)
      }
    }
  }

  @Test func resizesBitForBit() throws {
    let values = try GoldenValues("inception")
    for (height, width) in [(64, 64), (299, 299), (301, 256)] {
      let input = inceptionInput(drawnImages(height: height, width: width))
      #expect(input.shape == [2, 299, 299, 3])
      let kept = input.permuted([0, 3, 1, 2])
        .gathered(Tensor(stride(from: 3, to: 299, by: 23).map { Int64($0) }), axis: 2)
        .gathered(Tensor(stride(from: 5, to: 299, by: 19).map { Int64($0) }), axis: 3)
      #expect(kept.isEqual(to: values["\(height)x\(width).input"]).allTrue)
    }
  }

  // Groups of several images, of one, and none.
  @Test func featuresDoNotDependOnTheBatch() throws {
    let network = try InceptionTests.networks()[1]
    let pair = drawnImages(height: 40, width: 30)
    let images = concatenated((0..<5).map { _ in pair })[0..<9]
    let all = network(images) { _, _ in }
    for row in [0, 1, 8] {
      let one = network(images[row..<row + 1]) { _, _ in }
      #expect(relativeError(one.pooled, all.pooled[row..<row + 1]) < Tolerance.features)
      #expect(relativeError(one.spatial, all.spatial[row..<row + 1]) < Tolerance.features)
      #expect(relativeError(one.logits, all.logits[row..<row + 1]) < Tolerance.features)
    }
  }

  @Test func stopsBetweenStages() throws {
    let images = drawnImages(height: 20, width: 20)
    for network in try InceptionTests.networks() {
      try withoutGradients {
        try expectStops(least: 18) { check in
          try network(images) { _, _ in try check() }.pooled
        }
      }
    }
  }
}
