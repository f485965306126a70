internal import Checkpoint
internal import Evaluation
internal import Files
internal import Inference
internal import Layers
internal import Models
internal import TestSupport
internal import Testing
internal import Torch

/// Serial: each network has 95 MB of weights.
@Suite(.serialized) struct InceptionFeaturesTests {
  /// Names and shapes of the published file.
  private static let shapes: [String: [Int]] = {
    let store = ParameterStore(.shapes)
    _ = InceptionV3(at: store.root)
    return store.stateDict.mapValues(\.shape)
  }()

  /// Writes tensors and opens the file.
  private static func file(
    _ state: [String: Tensor], _ format: CheckpointFormat = .pytorch, in folder: String
  ) throws -> Checkpoint {
    let path = "\(folder)/inception.\(format == .pytorch ? "pth" : "safetensors")"
    let tensors = state.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }
    try CheckpointWriter.write(tensors, as: format, to: path)
    return try Checkpoint.open(path)
  }

  /// Zeros of the published shapes that share one number.
  private static func zeros(_ shapes: [String: [Int]] = shapes) -> [String: Tensor] {
    shapes.mapValues { Tensor.zeros([1]).expanded(to: $0) }
  }

  // The values are in InceptionTests.
  @Test(arguments: [CheckpointFormat.pytorch, .safetensors])
  func readsThePublishedNames(_ format: CheckpointFormat) throws {
    let values = try GoldenValues("inception")
    try withTemporaryFolder { folder in
      var state = try drawnInception(InceptionFeaturesTests.shapes)
      // PyTorch's modules count batches; the published file does not.
      state["Mixed_5b.branch1x1.bn.num_batches_tracked"] = Tensor(scalar: Int64(7))
      let network = try InceptionFeatures(
        try InceptionFeaturesTests.file(state, format, in: folder))
      #expect(network.name == "inception-2015-12-05")
      #expect(network.featureCount == 2048)
      #expect(network.spatialCount == 2023)
      #expect(network.classCount == 1008)
      let found = try network.features(of: drawnImages(height: 64, width: 64)) {}
      let (spatial, logits) = (try #require(found.spatial), try #require(found.logits))
      #expect(relativeError(found.pooled, values["64x64.pooled"]) < Tolerance.features)
      #expect(relativeError(spatial, values["64x64.spatial"]) < Tolerance.features)
      #expect(relativeError(logits, values["64x64.logits"]) < Tolerance.features)
    }
  }

  // torch.save with one storage for all tensors.
  @Test func readsAFileOfPyTorch() throws {
    let network = try InceptionFeatures(try Checkpoint.open(golden("inception.pth")))
    let found = try network.features(of: drawnImages(height: 8, width: 8)) {}
    #expect(found.pooled.shape == [2, 2048] && found.pooled.isFinite.allTrue)
  }

  @Test func namesAllDifferences() throws {
    var shapes = InceptionFeaturesTests.shapes
    shapes["Mixed_6d.branch1x1.conv.weight"] = nil
    shapes["Mixed_7c.branch_pool.bn.running_var"] = nil
    shapes["fc.weight"] = [1008, 1024]
    shapes["head.weight"] = [2]
    let message = try InceptionFeaturesTests.message(shapes)
    #expect(
      message.contains(
        "2 missing: Mixed_6d.branch1x1.conv.weight, Mixed_7c.branch_pool.bn.running_var"))
    #expect(message.contains("1 unexpected: head.weight"))
    #expect(message.contains("fc.weight: [1008, 1024] in the file, [1008, 2048] in the model"))
    #expect(message.contains("inception.pth' has no whole Inception of 2015-12-05: "))
  }

  @Test func tellsTorchvisionsNetwork() throws {
    var shapes = InceptionFeaturesTests.shapes
    shapes["fc.weight"] = [1000, 2048]
    shapes["fc.bias"] = [1000]
    let classes = try InceptionFeaturesTests.message(shapes)
    #expect(classes.contains(", but torchvision's, with 1000 classes: "))
    shapes["AuxLogits.fc.weight"] = [1000, 768]
    let head = try InceptionFeaturesTests.message(shapes)
    #expect(head.contains(", but torchvision's, with 1000 classes and an auxiliary head: "))
  }

  @Test func stops() throws {
    struct Stop: Error {}
    let network = try InceptionFeatures(try Checkpoint.open(golden("inception.pth")))
    #expect(throws: Stop.self) {
      _ = try network.features(of: drawnImages(height: 8, width: 8)) { throw Stop() }
    }
  }

  /// The message for a file of other shapes.
  private static func message(_ shapes: [String: [Int]]) throws -> String {
    try withTemporaryFolder { folder in
      let checkpoint = try file(zeros(shapes), in: folder)
      let error = #expect(throws: EvaluationError.self) { try InceptionFeatures(checkpoint) }
      #expect(error?.reason == .unknownFeatures)
      return error?.message ?? ""
    }
  }
}
