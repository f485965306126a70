internal import TestSupport
internal import Testing
internal import Torch

@Suite struct ProcessGroupTests {
  private func store() throws -> KeyValueStore {
    try KeyValueStore(host: "127.0.0.1", port: 0, isServer: true, timeout: .seconds(10))
  }

  @Test func sumsAndBroadcastsAlone() throws {
    let group = try ProcessGroup(
      try store(), rank: 0, size: 1, address: "127.0.0.1", timeout: .seconds(10))
    #expect(group.rank == 0 && group.size == 1 && group.timeout == .seconds(10))
    let tensor = Tensor([1, 2, 3] as [Float])
    try group.sumInPlace(tensor)
    try group.broadcast([tensor], from: [0])
    #expect(tensor.elements(Float.self) == [1, 2, 3])
  }

  @Test(.enabled(if: !CUDA.hasKernelLibrary)) func explainsWhatGroupsOfGPUsNeed() throws {
    let error = #expect(throws: TorchError.self) {
      try ProcessGroup(try store(), rank: 0, size: 1, device: .cuda(0), timeout: .seconds(10))
    }
    #expect(try #require(error).message.contains("libdit_cuda.so"))
    #expect(try #require(error).operation.contains("rank 0 on cuda:0"))
  }
}
