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
  func readsLibtorchsSpelling(_ text: String, _ type: String, _ index: Int?) throws {
    let device = try #require(Device(text))
    #expect(device.type == type && device.index == index)
    #expect(device.description == text)
  }

  @Test(arguments: ["", ":", ":0", "cuda:", "cuda:x", "cuda:-1", "cuda:0:1", "CUDA", "cuda 0", "1"])
  func refusesOtherSpellings(_ text: String) {
    #expect(Device(text) == nil)
  }

  @Test func countsDevices() throws {
    #expect(try Device.cpu.availableCount() == 1)
    #expect(throws: TorchError.self) { try Device(type: "abacus", index: nil).availableCount() }
  }

  @Test func knowsTheLibraryThatIsLoaded() {
    #expect(LibTorch.loadedVersion == LibTorch.version.prefix { $0 != "+" })
    #expect(FileManager.default.fileExists(atPath: LibTorch.folder + "/libtorch_cpu.so"))
  }

  @Test func saysWhatIsWrongWithALibrary() throws {
    try withTemporaryFolder { folder in
      let file = folder + "/plugin.so"
      try Data("no library".utf8).write(to: URL(filePath: file))
      for path in [file, folder + "/absent.so"] {
        let error = #expect(throws: TorchError.self) { try LibTorch.loadLibrary(path) }
        #expect(try #require(error).message.contains(path))
      }
    }
  }

  @Test func waitsForTheProcessorAtOnce() throws {
    try Device.cpu.synchronize()
    #expect(Device.cpu.peakMemory() == nil)
  }

  @Test(.enabled(if: !hasGPU)) func saysThatThereIsNoGPU() throws {
    let error = #expect(throws: TorchError.self) { try Device.cuda(0).synchronize() }
    #expect(!(try #require(error).message.isEmpty))
    #expect(Device.cuda(0).peakMemory() == nil)
    #expect(!CUDA.hasKernelLibrary)
  }

  @Test func callsWhatNoDeviceRecords() {
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
