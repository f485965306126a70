internal import Inference
internal import Pipeline
internal import Testing
internal import Torch

@Suite struct PlacementTests {
  @Test(arguments: [Precision.fp32, .bf16], ExecutionMode.allCases)
  func takesWhatEveryProcessorHas(_ precision: Precision, _ mode: ExecutionMode) throws {
    #expect(try Placement.precision(precision, in: mode, on: .cpu) == precision)
  }

  @Test func choosesBFloat16WhereTheHardwareMultipliesIt() throws {
    let choice = try Placement.precision(.auto, in: .graph, on: .cpu)
    #expect(choice == (Processor.hasBFloat16 ? .bf16 : .fp32))
    #expect(try Placement.precision(.auto, in: .graph, on: .cuda(0)) == .bf16)
  }

  @Test func takesInt8WhereTheProcessorHasIt() throws {
    guard Processor.hasByteProducts else {
      let error = #expect(throws: PipelineError.self) {
        try Placement.precision(.int8, in: .graph, on: .cpu)
      }
      #expect(try #require(error).message.contains("AVX512_VNNI"))
      return
    }
    #expect(try Placement.precision(.int8, in: .graph, on: .cpu) == .int8)
  }

  @Test func refusesInt8InEagerMode() throws {
    let error = #expect(throws: PipelineError.self) {
      try Placement.precision(.int8, in: .eager, on: .cpu)
    }
    #expect(try #require(error).code == .setting)
  }

  @Test func refusesInt8OnAGPU() throws {
    let error = #expect(throws: PipelineError.self) {
      try Placement.precision(.int8, in: .graph, on: .cuda(0))
    }
    #expect(try #require(error).message.contains("cuda:0"))
  }

  @Test(.enabled(if: !Processor.hasFloat16))
  func refusesFP16WithoutHardware() throws {
    let error = #expect(throws: PipelineError.self) {
      try Placement.precision(.fp16, in: .graph, on: .cpu)
    }
    #expect(try #require(error).message.contains("AVX512_FP16"))
    #expect(try Placement.precision(.fp16, in: .graph, on: .cuda(0)) == .fp16)
  }
}
