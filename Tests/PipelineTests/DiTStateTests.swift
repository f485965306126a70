internal import Checkpoint
internal import Files
internal import Foundation
internal import Models
internal import Pipeline
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct DiTStateTests {
  private static let file = golden("diffusers/diffusion_pytorch_model.safetensors")

  @Test func loadsADiffusersFolder() throws {
    let values = try GoldenValues("dit-even")
    let state = try DiTState(Checkpoint.open(DiTStateTests.file))
    #expect(try state.config == values.config.model)
    #expect(try state.names == values.config.order)
    #expect(state.headCountSource == .metadata)
    let positions = try #require(state.tensors["pos_embed"])
    #expect(relativeError(positions, values["weights.pos_embed"]) < 1e-6)
  }

  @Test func knowsTheSizeOfItsImages() throws {
    let state = try DiTState(Checkpoint.open(DiTStateTests.file))
    let size = state.config.inputSize * 8
    try state.checkImageSize(nil)
    try state.checkImageSize(size)
    for other in [state.config.inputSize, 2 * size, size + 8, 0, -size] {
      let error = try #require(
        #expect(throws: PipelineError.self) { try state.checkImageSize(other) })
      #expect(error.message.contains("\(size) x \(size) pixels"), "\(error)")
    }
  }

  @Test func asksForTheSizeThatALoneFileLacks() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      try FileManager.default.copyItem(atPath: DiTStateTests.file, toPath: path)
      let error = try #require(
        #expect(throws: PipelineError.self) { try DiTState(Checkpoint.open(path)) })
      #expect(error.reason == .missingImageSize)
      let state = try DiTState(Checkpoint.open(path), headCount: 2, imageSize: 64)
      #expect(try state.config == GoldenValues("dit-even").config.model)
      for size in [8, 12, 0, -16, 1 << 40] {
        #expect(throws: PipelineError.self) {
          try DiTState(Checkpoint.open(path), imageSize: size)
        }
      }
      try AtomicFile.write("[1]", to: folder + "/config.json")
      #expect(throws: PipelineError.self) { try DiTState(Checkpoint.open(path)) }
    }
  }
}
