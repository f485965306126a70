@testable internal import Parallel
internal import Testing

@Suite struct TensorRouteTests {
  private func route(_ offers: TensorOffer...) -> TensorRoute {
    TensorRoute(offers, names: offers.indices.map { "rank \($0) on host" })
  }

  @Test func takesNCCLWhereAllHaveAGPUOfTheirOwn() {
    #expect(route(.nccl(gpu: "a")) == .nccl)
    #expect(route(.nccl(gpu: "a"), .nccl(gpu: "b"), .nccl(gpu: "c")) == .nccl)
  }

  @Test func takesGlooEverywhereIfOneRankLacksNCCL() {
    let reason = "rank 1 on host has no libdit_cuda.so with NCCL"
    #expect(route(.nccl(gpu: "a"), .noNCCL) == .gloo(because: reason))
    #expect(route(.nccl(gpu: "a"), .noNCCL, .nccl(gpu: "b")) == .gloo(because: reason))
  }

  @Test func takesGlooIfTwoRanksShareAGPU() {
    #expect(
      route(.nccl(gpu: "a"), .nccl(gpu: "b"), .nccl(gpu: "a"))
        == .gloo(because: "rank 0 on host and rank 2 on host share a GPU (a)"))
  }

  @Test func takesGlooIfARankHasNoGPU() {
    #expect(route(.noGPU, .noGPU) == .gloo(because: nil))
    let reason = "rank 1 on host does not compute on an NVIDIA GPU"
    #expect(route(.nccl(gpu: "a"), .noGPU) == .gloo(because: reason))
    #expect(
      route(.noNCCL, .noGPU) == .gloo(because: "rank 0 on host has no libdit_cuda.so with NCCL"))
  }

  @Test(arguments: [TensorOffer.noGPU, .noNCCL, .nccl(gpu: "00ff")])
  func tellsOthersWhatARankHas(_ offer: TensorOffer) {
    #expect(TensorOffer(text: offer.text) == offer)
  }
}
