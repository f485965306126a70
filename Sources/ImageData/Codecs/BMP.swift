extension RGBImage {
  /// Decodes an uncompressed BMP file: 1, 4 or 8 bits a pixel with a palette, 24, or 32, whose fourth
  /// byte is ignored.
  static func decodingBMP(_ bytes: UnsafeBufferPointer<UInt8>) throws(ImageError) -> RGBImage {
    let head = BMPHead(bytes)
    guard let head, head.isRead else {
      throw ImageError(
        "BMP: only files of 1, 4, 8, 24 or 32 bits a pixel without compression are read; save it as PNG"
      )
    }
    try checkPixelCount("BMP", width: head.width, height: head.height)
    let stride = (head.width * head.bitsPerPixel + 31) / 32 * 4
    let start = head.pixelStart
    guard start >= head.paletteStart + 4 * head.colorCount,
      bytes.count - start >= stride * head.height
    else {
      throw ImageError("BMP: the file ends too early; was it copied or downloaded whole?")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * head.width * head.height)
    for y in 0..<head.height {
      let row = start + stride * (head.isTopDown ? y : head.height - 1 - y)
      for x in 0..<head.width {
        let color = try head.placeOfColor(at: x, row, bytes)
        pixels.append(bytes[color + 2])
        pixels.append(bytes[color + 1])
        pixels.append(bytes[color])
      }
    }
    return RGBImage(width: head.width, height: head.height, pixels: pixels)
  }
}

/// The first 54 bytes of a BMP file, as since Windows 3, and its colour masks.
struct BMPHead {
  let pixelStart: Int
  let width: Int
  let height: Int
  let isTopDown: Bool
  let bitsPerPixel: Int
  /// Whether the pixels are of a kind that is read.
  let isRead: Bool
  /// Colours of the palette, four bytes each: blue, green, red and one that is ignored.
  let colorCount: Int
  let paletteStart: Int

  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    func word(_ start: Int) -> Int {
      let bits = bytes[start..<start + 4].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
      return Int(Int32(bitPattern: bits))
    }
    guard bytes.count >= 54, word(14) >= 40, word(14) <= 4096 else { return nil }
    pixelStart = word(10)
    width = word(18)
    height = abs(word(22))
    isTopDown = word(22) < 0
    bitsPerPixel = Int(bytes[28]) | Int(bytes[29]) << 8
    paletteStart = 14 + word(14)
    let most = bitsPerPixel <= 8 ? 1 << bitsPerPixel : 0
    colorCount = (1...max(most, 1)).contains(word(46)) ? min(word(46), most) : most
    switch word(30) {
    case 0: isRead = [1, 4, 8, 24, 32].contains(bitsPerPixel)
    // Masks of the colours, which stand in the usual order.
    case 3:
      isRead =
        bitsPerPixel == 32 && bytes.count >= 66 && word(54) == 0xFF_0000 && word(58) == 0xFF00
        && word(62) == 0xFF
    default: isRead = false
    }
  }

  /// Where the blue, green and red of a pixel stand.
  func placeOfColor(
    at x: Int, _ row: Int, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws(ImageError) -> Int {
    guard bitsPerPixel <= 8 else { return row + bitsPerPixel / 8 * x }
    let bit = bitsPerPixel * x
    let shift = 8 - bitsPerPixel - bit % 8
    let index = Int(bytes[row + bit / 8]) >> shift & (1 << bitsPerPixel - 1)
    guard index < colorCount else {
      throw ImageError("BMP: a pixel has colour \(index) of \(colorCount); the file is damaged")
    }
    return paletteStart + 4 * index
  }
}
