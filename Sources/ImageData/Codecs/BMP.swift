extension RGBImage {
  /// Decodes an uncompressed BMP file of 24 or 32 bits a pixel; the fourth byte is ignored.
  static func decodingBMP(_ bytes: UnsafeBufferPointer<UInt8>) throws(ImageError) -> RGBImage {
    let head = BMPHead(bytes)
    guard let head, head.isUncompressed, [24, 32].contains(head.bitsPerPixel) else {
      throw ImageError(
        "BMP: only files of 24 or 32 bits a pixel without compression are read; save it as PNG")
    }
    try checkPixelCount("BMP", width: head.width, height: head.height)
    let step = head.bitsPerPixel / 8
    let stride = (head.width * step + 3) / 4 * 4
    guard head.pixelStart >= 54, bytes.count - head.pixelStart >= stride * head.height else {
      throw ImageError("BMP: the file ends too early; was it copied or downloaded whole?")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * head.width * head.height)
    for y in 0..<head.height {
      let row = head.pixelStart + stride * (head.isTopDown ? y : head.height - 1 - y)
      for x in 0..<head.width {
        let place = row + step * x
        pixels.append(bytes[place + 2])
        pixels.append(bytes[place + 1])
        pixels.append(bytes[place])
      }
    }
    return RGBImage(width: head.width, height: head.height, pixels: pixels)
  }
}

/// The first 54 bytes of a BMP file, as since Windows 3.
private struct BMPHead {
  let pixelStart: Int
  let width: Int
  let height: Int
  let isTopDown: Bool
  let bitsPerPixel: Int
  let isUncompressed: Bool

  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    func word(_ start: Int) -> Int {
      let bits = bytes[start..<start + 4].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
      return Int(Int32(bitPattern: bits))
    }
    guard bytes.count >= 54, word(14) >= 40 else { return nil }
    pixelStart = word(10)
    width = word(18)
    height = abs(word(22))
    isTopDown = word(22) < 0
    bitsPerPixel = Int(bytes[28]) | Int(bytes[29]) << 8
    isUncompressed = word(30) == 0
  }
}
