internal import CTorch
internal import CTorchTesting
internal import TestSupport
internal import Testing
@testable internal import Torch

@Suite struct GradientBucketsTests {
  /// A group of one process.
  private func group() throws -> ProcessGroup {
    let timeout = Duration.seconds(20)
    let store = try KeyValueStore(host: "127.0.0.1", port: 0, isServer: true, timeout: timeout)
    return try ProcessGroup(store, rank: 0, size: 1, address: "127.0.0.1", timeout: timeout)
  }

  private func leaf(_ values: [Float]) -> Tensor {
    let tensor = Tensor(values)
    tensor.requiresGradient = true
    return tensor
  }

  @Test func gradientsOfSeveralPassesAddUp() throws {
    let leaves = [leaf([1, 2, 3]), leaf([4]), leaf([5, 6])]
    let buckets = try GradientBuckets(leaves, in: group(), byteCount: 8)
    for step in 0..<2 {
      for part in 0..<3 {
        if part == 2 { try buckets.arm() }
        // The last leaf gets no gradient in the second step.
        let used = leaves.dropLast(step)
        used.map { ($0 * $0).sum() }.dropFirst().reduce((leaves[0] * leaves[0]).sum(), +).backward()
      }
      _ = try buckets.finish()
      let gradients = try leaves.map { try #require($0.gradient).elements(Float.self) }
      #expect(gradients == [[6, 12, 18], [24], step == 0 ? [30, 36] : [0, 0]])
      for leaf in leaves { leaf.gradient = nil }
    }
  }

  /// Like NCCL, whose sums seem complete at once, while the GPU still computes them.
  @Test func sumsOnADeviceEndWhenWaitedFor() throws {
    let group = ProcessGroup(
      ctorch_group(impl: ctorch_testing_prompt_group()), rank: 0, size: 1, timeout: .seconds(20))
    let leaf = Tensor.zeros([3], device: .meta)
    leaf.requiresGradient = true
    let buckets = try GradientBuckets([leaf], in: group)
    try buckets.arm()
    (leaf * leaf).sum().backward()
    let exchange = try buckets.finish()
    #expect(exchange.exposedSeconds > 0)
    #expect(exchange.busySeconds > exchange.exposedSeconds)
  }

  @Test func rejectsASecondGradient() throws {
    let leaves = [leaf([1, 2, 3])]
    let buckets = try GradientBuckets(leaves, in: group())
    try buckets.arm()
    (leaves[0] * leaves[0]).sum().backward()
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors { (leaves[0] * leaves[0]).sum().backward() }
    }
    #expect(error?.message.contains("parameter 0 of shape [3] came twice") == true)
  }
}
