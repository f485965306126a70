extension TinyAutoencoderConfig {
  /// An encoder and a decoder like the published ones, in a custom size.
  ///
  /// - Parameters:
  ///   - widths: channels at each resolution, starting with the image's; each resolution is half the
  ///     previous one.
  ///   - latentChannelCount: channels of the latents.
  ///   - blockCount: residual blocks of each resolution except the image's, which has one.
  public init(widths: [Int], latentChannelCount: Int, blockCount: Int) {
    guard let first = widths.first, let last = widths.last else {
      fatalError("TinyAutoencoderConfig: no widths")
    }
    func blocks(_ width: Int) -> [Layer] { Array(repeating: .block(width), count: blockCount) }
    let pairs = zip(widths, widths.dropFirst())
    encoder =
      [.convolution(input: 3, output: first, stride: 1, hasBias: true), .block(first)]
      + pairs.flatMap { wide, deep in
        [.convolution(input: wide, output: deep, stride: 2, hasBias: false)] + blocks(deep)
      }
      + [.convolution(input: last, output: latentChannelCount, stride: 1, hasBias: true)]
    decoder =
      [.convolution(input: latentChannelCount, output: last, stride: 1, hasBias: true), .relu]
      + pairs.reversed().flatMap { wide, deep in
        blocks(deep) + [
          .upsample, .convolution(input: deep, output: wide, stride: 1, hasBias: false),
        ]
      }
      + [.block(first), .convolution(input: first, output: 3, stride: 1, hasBias: true)]
  }
}
