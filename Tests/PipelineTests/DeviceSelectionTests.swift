internal import Inference
internal import Pipeline
internal import Testing
internal import Torch

@Suite struct DeviceSelectionTests {
  private static let hasGPU = (try? CUDA.driver().gpus.isEmpty) == false

  @Test(arguments: [Precision.fp32, .bf16], ExecutionMode.allCases)
  func takesWhatEveryProcessorHas(_ precision: Precision, _ mode: ExecutionMode) throws {
    #expect(try DeviceSelection.settledPrecision(precision, in: mode, on: .cpu) == precision)
  }

  @Test func choosesBFloat16WhereTheHardwareMultipliesIt() throws {
    let choice = try DeviceSelection.settledPrecision(.auto, in: .graph, on: .cpu)
    #expect(choice == (Device.cpu.capabilities.bfloat16 ? .bf16 : .fp32))
    #expect(try DeviceSelection.settledPrecision(.auto, in: .graph, on: .cuda(0)) == .bf16)
  }

  @Test func takesInt8WhereTheProcessorHasIt() throws {
    guard Device.cpu.capabilities.int8 else {
      let error = #expect(throws: PipelineError.self) {
        try DeviceSelection.settledPrecision(.int8, in: .graph, on: .cpu)
      }
      #expect(
        try #require(error).message.contains(Processor.hasOwnKernels ? "AVX512_VNNI" : "kernels"))
      return
    }
    #expect(try DeviceSelection.settledPrecision(.int8, in: .graph, on: .cpu) == .int8)
  }

  @Test func refusesInt8InEagerMode() throws {
    let error = #expect(throws: PipelineError.self) {
      try DeviceSelection.settledPrecision(.int8, in: .eager, on: .cpu)
    }
    #expect(try #require(error).isSetting)
  }

  @Test func refusesInt8OnAGPU() throws {
    let error = #expect(throws: PipelineError.self) {
      try DeviceSelection.settledPrecision(.int8, in: .graph, on: .cuda(0))
    }
    #expect(try #require(error).message.contains("cuda:0"))
  }

  @Test func refusesFloat8ButOnAGPUInGraphMode() throws {
    for (mode, device) in [(ExecutionMode.graph, Device.cpu), (.eager, .cuda(0))] {
      let error = #expect(throws: PipelineError.self) {
        try DeviceSelection.settledPrecision(.fp8, in: mode, on: device)
      }
      #expect(try #require(error).message.contains("fp8"))
    }
  }

  @Test(arguments: ["CUDA", "meta", "cuda:", "cuda:-1", ""])
  func listsTheDevicesThatAreKnown(_ name: String) throws {
    let error = #expect(throws: PipelineError.self) { try DeviceSelection.openDevice(name) }
    #expect(try #require(error).isSetting)
    #expect(try #require(error).message.contains("known are auto, cpu, cuda"))
  }

  @Test(arguments: ["npu", "xpu:0"])
  func saysThatOtherDevicesAreAbsent(_ name: String) throws {
    let error = #expect(throws: PipelineError.self) { try DeviceSelection.openDevice(name) }
    #expect(try #require(error).message.contains("device '\(name)'"))
  }

  @Test func findsTheProcessor() throws {
    #expect(try DeviceSelection.openDevice("cpu") == .cpu)
    guard DeviceSelectionTests.hasGPU else {
      #expect(try DeviceSelection.openDevice("auto") == .cpu)
      return
    }
  }

  @Test(.enabled(if: !hasGPU), arguments: ["cuda", "cuda:0", "cuda:63"])
  func saysWhyThereIsNoGPU(_ name: String) throws {
    let error = #expect(throws: PipelineError.self) { try DeviceSelection.openDevice(name) }
    #expect(try #require(error).isSetting == false)
    #expect(try #require(error).message.contains("device '\(name)'"))
  }

  @Test func namesThePluginThatDoesNotOpen() throws {
    let error = #expect(throws: PipelineError.self) {
      try DeviceSelection.openPlugin("/no/such.so")
    }
    #expect(try #require(error).message.contains("device plug-in '/no/such.so'"))
  }

  @Test(.enabled(if: !Device.cpu.capabilities.float16))
  func refusesFP16WithoutHardware() throws {
    let error = #expect(throws: PipelineError.self) {
      try DeviceSelection.settledPrecision(.fp16, in: .graph, on: .cpu)
    }
    #expect(try #require(error).message.contains("AVX512_FP16"))
    #expect(try DeviceSelection.settledPrecision(.fp16, in: .graph, on: .cuda(0)) == .fp16)
  }
}
