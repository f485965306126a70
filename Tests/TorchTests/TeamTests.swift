internal import CTorchTesting
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct TeamTests {
  @Test(arguments: [1, 2, 3]) func runsKernelsOnLibtorchsThreads(_ count: Int32) {
    #expect(LibTorch.threadCount > 0)
    #expect(ctorch_testing_team_size(count) == count)
  }

  // An exception that leaves a thread of the team would end the program.
  @Test(.ownKernels) func throwsIfAThreadGetsNoMemory() async {
    await #expect(processExitsWith: .success) {
      exit(ctorch_testing_starved_product() == 1 ? 0 : 3)
    }
  }
}
