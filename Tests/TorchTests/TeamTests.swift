internal import CTorchTesting
internal import Testing
internal import Torch

@Suite struct TeamTests {
  @Test(arguments: [1, 2, 3]) func runsKernelsOnLibtorchsThreads(_ count: Int32) {
    #expect(LibTorch.threadCount > 0)
    #expect(ctorch_testing_team_size(count) == count)
  }
}
