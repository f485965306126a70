extension TinyAutoencoderConfig {
  /// Both halves of an autoencoder of one's own size, in the manner of the published one.
  ///
  /// - Parameters:
  ///   - widths: channels at each resolution, from that of the image to that of the latents; each
  ///     step to the next halves the image, so the downsampling factor is 2 to the power of
  ///     `widths.count - 1`.
  ///   - latentChannelCount: channels of the latents.
  ///   - blockCount: residual blocks at each resolution but the image's, which has one.
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
