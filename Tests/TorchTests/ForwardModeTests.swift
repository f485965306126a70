internal import TestSupport
internal import Testing

@testable internal import Torch

/// Jacobian-vector products in forward mode.
@Suite struct ForwardModeTests {
  private func random(_ shape: [Int], seed: UInt64) throws -> Tensor {
    .randn(shape, generator: try Generator(seed: seed))
  }

  @Test func followsTheProductRule() throws {
    let (a, b) = (try random([3, 4], seed: 1), try random([3, 4], seed: 2))
    let (da, db) = (try random([3, 4], seed: 3), try random([3, 4], seed: 4))
    let (value, derivative) = try directionalDerivative(
      of: { $0[0] * $0[1].exponential }, at: [a, b], along: [da, db])
    let expected = (da + a * db) * b.exponential
    #expect(relativeError(value, a * b.exponential) < Tolerance.float32)
    #expect(relativeError(derivative, expected) < Tolerance.float32)
    #expect(!value.requiresGradient && !derivative.requiresGradient)
  }

  @Test func isZeroForAConstant() throws {
    let a = try random([3], seed: 1)
    let (value, derivative) = try directionalDerivative(of: { _ in a * 2 }, at: [a * 1], along: [a])
    #expect(relativeError(value, a * 2) == 0)
    #expect(derivative.shape == [3] && derivative.magnitude.max().item == 0)
  }

  /// Attention and the MLP, whose own operators have no derivative of this kind.
  @Test func passesThroughBranches() throws {
    let (qkv, dqkv) = (try random([2, 5, 24], seed: 1), try random([2, 5, 24], seed: 2))
    let weights = (try random([16, 8], seed: 3), try random([8, 16], seed: 4))
    func branch(_ x: Tensor) -> Tensor {
      feedForward(
        selfAttention(x, headCount: 2), weight1: weights.0, bias1: nil, weight2: weights.1,
        bias2: nil)
    }
    let (value, derivative) = try directionalDerivative(
      of: { branch($0[0]) }, at: [qkv], along: [dqkv])
    #expect(relativeError(value, branch(qkv)) < Tolerance.float32)
    let wide = (qkv.to(.float64), dqkv.to(.float64))
    let width = 1e-5
    let weights64 = (weights.0.to(.float64), weights.1.to(.float64))
    func exact(_ x: Tensor) -> Tensor {
      withPlainOperators {
        feedForward(
          selfAttention(x, headCount: 2), weight1: weights64.0, bias1: nil,
          weight2: weights64.1, bias2: nil)
      }
    }
    let difference = exact(wide.0 + wide.1 * width) - exact(wide.0 - wide.1 * width)
    let slope = difference / (2 * width)
    #expect(relativeError(derivative, slope) < Tolerance.float32)
  }

  @Test func refusesItselfWithin() throws {
    let x = try random([3], seed: 1)
    #expect(throws: TorchError.self) {
      _ = try directionalDerivative(
        of: { inputs in
          try directionalDerivative(of: { $0[0] * 2 }, at: inputs, along: [x]).derivative
        }, at: [x], along: [x])
    }
  }

  @Test(.ownKernels) func saysWhichOperatorHasNone() throws {
    let x = try random([2, 8], seed: 1)
    let own = Operator("dit::adaptive_rms")
    #expect(throws: TorchError.self) {
      _ = try directionalDerivative(
        of: { inputs in
          own(
            .tensor(inputs[0].reshaped([1, 2, 8])), .tensor(Tensor.zeros([1, 1, 8])),
            .tensor(Tensor.zeros([1, 1, 8])), .double(1e-6))
        }, at: [x], along: [x])
    }
    // The level before has ended.
    let (_, derivative) = try directionalDerivative(of: { $0[0] * 3 }, at: [x], along: [x])
    #expect(relativeError(derivative, x * 3) < Tolerance.float32)
  }
}
