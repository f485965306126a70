internal import Torch

/// The bytes of an array of NumPy in a pickle.
///
/// Protocols before 3 have no bytes: NumPy's are spelled as a text in UTF-8, in which each character
/// stands for a byte.
struct NumPyRun {
  private let run: PickleGraph.Run
  private let content: UnsafeRawBufferPointer
  private let start: Int

  /// - Parameters:
  ///   - run: the bytes.
  ///   - pickle: the pickle that they lie in.
  ///   - start: its place in the file.
  init(_ run: PickleGraph.Run, in pickle: UnsafeRawBufferPointer, startingAt start: Int) {
    self.run = run
    content = UnsafeRawBufferPointer(rebasing: pickle[run.range])
    self.start = start
  }

  /// The array as a tensor's entry; nil if its size is not that of the bytes.
  func entry(
    _ name: String, _ dtype: DType, _ shape: [Int], isColumnMajor: Bool
  ) -> Checkpoint.Entry? {
    let byteCount = run.isText ? NumPyRun.characterCount(content) : content.count
    guard let byteCount, TensorExtent.byteCount(shape, dtype) == byteCount else { return nil }
    let strides =
      isColumnMajor
      ? Array(Tensor.contiguousStrides(of: shape.reversed()).reversed())
      : Tensor.contiguousStrides(of: shape)
    return Checkpoint.Entry(
      name: name, dtype: dtype, shape: shape, strides: strides,
      byteOffset: start + run.range.lowerBound, byteCount: content.count, isText: run.isText)
  }

  /// The numbers of an entry whose bytes are spelled as `text`, as a copy.
  static func tensor(_ entry: Checkpoint.Entry, ofText text: UnsafeRawBufferPointer) -> Tensor {
    let tensor = Tensor.empty([entry.elementCount], dtype: entry.dtype)
    tensor.withUnsafeMutableBytes { target in
      var (source, place) = (0, 0)
      while source < text.count, place < target.count {
        let byte = text[source]
        if byte < 0x80 {
          target[place] = byte
          source += 1
        } else {
          // The file may have changed since it was opened.
          let next = source + 1 < text.count ? text[source + 1] : 0
          target[place] = byte << 6 | next & 0x3F
          source += 2
        }
        place += 1
      }
    }
    return tensor.strided(shape: entry.shape, strides: entry.strides)
  }

  /// The number of characters of a text in UTF-8, all of them below 256; nil for other bytes.
  private static func characterCount(_ text: UnsafeRawBufferPointer) -> Int? {
    var (count, index) = (0, 0)
    while index < text.count {
      let byte = text[index]
      if byte >= 0x80 {
        guard byte == 0xC2 || byte == 0xC3, index + 1 < text.count, text[index + 1] & 0xC0 == 0x80
        else { return nil }
        index += 1
      }
      index += 1
      count += 1
    }
    return count
  }
}
