internal import Layers

// The kinds of blocks (Szegedy et al. 2016, figures 5 to 10), as the graph of 2015-12-05 has them: means
// do not count what lies outside the image, and the last block takes maxima in place of means.

extension InceptionBlock {
  /// 35 x 35 pixels, with a convolution of 5 x 5.
  static func a(_ input: Int, pooled: Int, at scope: Scope) -> InceptionBlock {
    InceptionBlock(branches: [
      InceptionBranch([point(input, 64, at: scope / "branch1x1")]),
      InceptionBranch([
        point(input, 48, at: scope / "branch5x5_1"),
        same(48, 64, [5, 5], at: scope / "branch5x5_2"),
      ]),
      InceptionBranch([
        point(input, 64, at: scope / "branch3x3dbl_1"),
        same(64, 96, [3, 3], at: scope / "branch3x3dbl_2"),
        same(96, 96, [3, 3], at: scope / "branch3x3dbl_3"),
      ]),
      InceptionBranch([point(input, pooled, at: scope / "branch_pool")], after: .average),
    ])
  }

  /// 35 x 35 to 17 x 17 pixels.
  static func b(_ input: Int, at scope: Scope) -> InceptionBlock {
    InceptionBlock(branches: [
      InceptionBranch([halving(input, 384, at: scope / "branch3x3")]),
      InceptionBranch([
        point(input, 64, at: scope / "branch3x3dbl_1"),
        same(64, 96, [3, 3], at: scope / "branch3x3dbl_2"),
        halving(96, 96, at: scope / "branch3x3dbl_3"),
      ]),
      InceptionBranch([], after: .halvingMaximum),
    ])
  }

  /// 17 x 17 pixels, with convolutions of 7 x 7 in two parts.
  static func c(_ input: Int, inner: Int, at scope: Scope) -> InceptionBlock {
    InceptionBlock(branches: [
      InceptionBranch([point(input, 192, at: scope / "branch1x1")]),
      InceptionBranch([
        point(input, inner, at: scope / "branch7x7_1"),
        same(inner, inner, [1, 7], at: scope / "branch7x7_2"),
        same(inner, 192, [7, 1], at: scope / "branch7x7_3"),
      ]),
      InceptionBranch([
        point(input, inner, at: scope / "branch7x7dbl_1"),
        same(inner, inner, [7, 1], at: scope / "branch7x7dbl_2"),
        same(inner, inner, [1, 7], at: scope / "branch7x7dbl_3"),
        same(inner, inner, [7, 1], at: scope / "branch7x7dbl_4"),
        same(inner, 192, [1, 7], at: scope / "branch7x7dbl_5"),
      ]),
      InceptionBranch([point(input, 192, at: scope / "branch_pool")], after: .average),
    ])
  }

  /// 17 x 17 to 8 x 8 pixels.
  static func d(_ input: Int, at scope: Scope) -> InceptionBlock {
    InceptionBlock(branches: [
      InceptionBranch([
        point(input, 192, at: scope / "branch3x3_1"),
        halving(192, 320, at: scope / "branch3x3_2"),
      ]),
      InceptionBranch([
        point(input, 192, at: scope / "branch7x7x3_1"),
        same(192, 192, [1, 7], at: scope / "branch7x7x3_2"),
        same(192, 192, [7, 1], at: scope / "branch7x7x3_3"),
        halving(192, 192, at: scope / "branch7x7x3_4"),
      ]),
      InceptionBranch([], after: .halvingMaximum),
    ])
  }

  /// 8 x 8 pixels, with branches that end in two.
  static func e(_ input: Int, pooling: InceptionPooling, at scope: Scope) -> InceptionBlock {
    func ends(_ branch: String) -> [InceptionConvolution] {
      [
        same(384, 384, [1, 3], at: scope / (branch + "a")),
        same(384, 384, [3, 1], at: scope / (branch + "b")),
      ]
    }
    return InceptionBlock(branches: [
      InceptionBranch([point(input, 320, at: scope / "branch1x1")]),
      InceptionBranch(
        [point(input, 384, at: scope / "branch3x3_1")], ends: ends("branch3x3_2")),
      InceptionBranch(
        [
          point(input, 448, at: scope / "branch3x3dbl_1"),
          same(448, 384, [3, 3], at: scope / "branch3x3dbl_2"),
        ], ends: ends("branch3x3dbl_3")),
      InceptionBranch([point(input, 192, at: scope / "branch_pool")], after: pooling),
    ])
  }

  private static func point(_ input: Int, _ output: Int, at scope: Scope) -> InceptionConvolution {
    InceptionConvolution(input, output, [1, 1], at: scope)
  }

  /// A convolution that keeps the size.
  private static func same(
    _ input: Int, _ output: Int, _ kernel: [Int], at scope: Scope
  ) -> InceptionConvolution {
    InceptionConvolution(input, output, kernel, padding: kernel.map { $0 / 2 }, at: scope)
  }

  private static func halving(_ input: Int, _ output: Int, at scope: Scope) -> InceptionConvolution
  {
    InceptionConvolution(input, output, [3, 3], stride: 2, at: scope)
  }
}
