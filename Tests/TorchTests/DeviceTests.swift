internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct DeviceTests {
  private static let hasGPU = (try? CUDA.driver().gpus.isEmpty) == false

  @Test(
    arguments: [
      ("cpu", "cpu", nil), ("cuda", "cuda", nil), ("cuda:0", "cuda", 0), ("npu:12", "npu", 12),
    ] as [(String, String, Int?)])
  func parsesLibtorchsSpelling(_ text: String, _ type: String, _ index: Int?) throws {
    let device = try #require(Device(text))
    #expect(device.type == type && device.index == index)
    #expect(device.description == text)
  }

  @Test(arguments: ["", ":", ":0", "cuda:", "cuda:x", "cuda:-1", "cuda:0:1", "CUDA", "cuda 0", "1"])
  func rejectsOtherSpellings(_ text: String) {
    #expect(Device(text) == nil)
  }

  @Test func knowsWhatDevicesCanDo() {
    let (cpu, gpu, other) = (
      Device.cpu.capabilities, Device.cuda(63).capabilities,
      Device(type: "npu", index: 0).capabilities
    )
    #expect(
      cpu.hasPackedKernels == Processor.hasOwnKernels && cpu.usesSystemMemory && !cpu.isAsynchronous
        && !cpu.tf32)
    #expect(!cpu.float8 && !cpu.recordsGraphs && cpu.float64 && !cpu.halfConvolutions)
    #expect(gpu.bfloat16 && gpu.float16 && gpu.float8 && gpu.tf32 && gpu.halfConvolutions)
    #expect(!gpu.int8 && !gpu.hasPackedKernels && !gpu.usesSystemMemory && gpu.isAsynchronous)
    #expect(other.bfloat16 && other.float16 && !other.float8 && !other.int8 && !other.tf32)
    #expect(!Device(type: "mps", index: nil).capabilities.float64)
  }

  @Test func countsDevices() throws {
    #expect(try Device.cpu.availableCount() == 1)
    #expect(throws: TorchError.self) { try Device(type: "abacus", index: nil).availableCount() }
  }

  @Test func knowsTheLoadedLibrary() {
    #expect(LibTorch.loadedVersion == LibTorch.version.prefix { $0 != "+" })
    #expect(FileManager.default.fileExists(atPath: LibTorch.folder + "/libtorch_cpu.so"))
  }

  @Test func explainsWhyALibraryDoesNotLoad() throws {
    try withTemporaryFolder { folder in
      let file = folder + "/plugin.so"
      try Data("no library".utf8).write(to: URL(filePath: file))
      for path in [file, folder + "/absent.so"] {
        let error = #expect(throws: TorchError.self) { try LibTorch.loadLibrary(path) }
        #expect(try #require(error).message.contains(path))
      }
    }
  }

  @Test func neverWaitsForTheProcessor() throws {
    try Device.cpu.synchronize()
    #expect(Device.cpu.peakMemory() == nil)
  }

  @Test(.enabled(if: !hasGPU)) func explainsAMissingGPU() throws {
    let error = #expect(throws: TorchError.self) { try Device.cuda(0).synchronize() }
    #expect(!(try #require(error).message.isEmpty))
    #expect(Device.cuda(0).peakMemory() == nil)
    #expect(!CUDA.hasKernelLibrary)
  }

  @Test func callsUnrecordedComputationsEachTime() {
    var count = 0
    let buffer = Tensor.zeros([2])
    let graph = DeviceGraph(on: .cpu) {
      count += 1
      return buffer + Double(count)
    }
    #expect(count == 0 && graph.recording == .none)
    #expect(graph().elements(Float.self) == [1, 1])
    #expect(graph().elements(Float.self) == [2, 2])
  }
}
