internal import Files
package import Torch

/// The rows of an array in an `.npz` file: its parts along the first dimension.
///
/// The bytes up to the last row that was read go through the checksum: the first read of the last row of all
/// tells whether the array is damaged. A step back is quick in a stored array; a compressed one is inflated from
/// its start again.
package final class NumPyRows {
  /// The number of rows.
  package let count: Int

  private let array: NumPyArray
  private let dtype: DType
  private let entry: ZipEntry
  private let archive: ZipArchive
  private let file: MappedFile
  private let rowShape: [Int]
  private let rowByteCount: Int
  private var reader: ZipEntryReader
  /// The place in the file up to which its pages were released.
  private var releasedPosition = 0
  /// Whether a stored array in Fortran's order was found to match its checksum.
  private var isChecked = false
  /// What the array was found to suffer from.
  private var failure: CheckpointError?

  /// The bytes of the file to read before their pages are released.
  private static let keptByteCount = 64 << 20

  init(_ array: NumPyArray, _ entry: ZipEntry, of archive: ZipArchive, in file: MappedFile) throws {
    guard let dtype = array.type.dtype, let bytes = TensorExtent.byteCount(array.shape, dtype),
      let rowBytes = TensorExtent.byteCount(Array(array.shape.dropFirst()), dtype)
    else {
      throw CheckpointError(
        .unsupported, "the array \(clipped(array.name)) has \(array.summary), no numbers to read")
    }
    guard
      !array.isColumnMajor || !entry.isCompressed || array.shape.count < 2
        || bytes <= NumPyRows.keptByteCount
    else {
      throw CheckpointError(
        .unsupported,
        "the array \(clipped(array.name)) is compressed and in Fortran's order; save"
          + " `numpy.ascontiguousarray` of it")
    }
    (self.array, self.entry, self.archive, self.file, self.dtype) = (
      array, entry, archive, file, dtype
    )
    count = array.shape.first ?? 1
    rowShape = Array(array.shape.dropFirst())
    rowByteCount = rowBytes
    reader = try ZipEntryReader(entry, of: archive)
  }

  /// Reads rows as a tensor of its own.
  ///
  /// - Parameter range: within 0..<`count`.
  /// - Returns: `[n, ...]`
  /// - Throws: `CheckpointError` if the array is damaged.
  package func read(_ range: Range<Int>) throws -> Tensor {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      fatalError("NumPyRows: rows \(range) of \(count)")
    }
    if let failure { throw failure }
    do {
      return array.isColumnMajor && rowShape.count > 0
        ? try columnMajor(range) : try rowMajor(range)
    } catch let error as CheckpointError {
      let located = error.located(in: file.path)
      failure = located
      throw located
    }
  }

  private func rowMajor(_ range: Range<Int>) throws -> Tensor {
    let start = array.start + range.lowerBound * rowByteCount
    let tensor = Tensor.empty([range.count] + rowShape, dtype: dtype)
    if entry.isCompressed, reader.position > start {
      reader = try ZipEntryReader(entry, of: archive)
      releasedPosition = 0
    }
    try tensor.withUnsafeMutableBytes {
      if entry.isCompressed {
        try advance(to: start)
        try reader.read(into: $0)
      } else {
        let end = start + $0.count
        try advance(to: end)
        $0.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: archive.content(entry)[start..<end]))
      }
      swapBytes($0)
    }
    releasePages()
    return tensor
  }

  /// Reads up to a place, if it has not been read.
  private func advance(to end: Int) throws {
    while reader.position < end {
      try reader.skip(min(end - reader.position, NumPyRows.keptByteCount))
      releasePages()
    }
  }

  /// Releases the pages of the file that were read, if they are many.
  private func releasePages() {
    guard reader.packedPosition - releasedPosition >= NumPyRows.keptByteCount else { return }
    releasedPosition = reader.packedPosition
    file.releasePages()
  }

  private func columnMajor(_ range: Range<Int>) throws -> Tensor {
    let strides = Array(Tensor.contiguousStrides(of: array.shape.reversed()).reversed())
    let whole: Tensor
    if entry.isCompressed || !array.type.isNative {
      reader = try ZipEntryReader(entry, of: archive)
      try reader.skip(array.start)
      let flat = Tensor.empty([array.shape.reduce(1, *)], dtype: dtype)
      try flat.withUnsafeMutableBytes {
        try reader.read(into: $0)
        swapBytes($0)
      }
      whole = flat.strided(shape: array.shape, strides: strides)
    } else {
      if !isChecked { try archive.verify(entry) }
      isChecked = true
      guard let start = file.bytes.baseAddress else { fatalError("NumPyRows: no bytes") }
      whole = Tensor(
        borrowing: UnsafeMutableRawPointer(mutating: start) + entry.data.lowerBound + array.start,
        shape: array.shape, strides: strides, dtype: dtype, owner: file)
    }
    return whole[range].cloned
  }

  /// Turns the bytes of each number around, if they are in another order than this processor's.
  private func swapBytes(_ bytes: UnsafeMutableRawBufferPointer) {
    guard !array.type.isNative else { return }
    let size = dtype.byteCount
    for start in stride(from: 0, to: bytes.count, by: size) {
      var number = UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + size])
      number.reverse()
    }
  }
}
