internal import Files
package import Torch

/// The arrays of an `.npz` file, as NumPy's `savez` and `savez_compressed` write it.
///
/// Arrays are read on demand, in parts if wanted. Arrays of Python objects are known by name alone: nothing
/// is unpickled.
package final class NumPyFile {
  /// The path that was opened.
  package let path: String
  /// The names of the arrays, in the order of the file.
  package let names: [String]

  private let file: MappedFile
  private let archive: ZipArchive

  /// Reads the directory of a file.
  ///
  /// - Throws: `CheckpointError` if it is no archive of arrays, or damaged; `FileError`.
  package init(_ path: String) throws {
    file = try MappedFile(path)
    self.path = path
    let bytes = file.bytes
    do {
      guard ZipSignature.begins(bytes) else {
        throw CheckpointError(
          .unknownFormat,
          bytes.starts(with: NumPyHeader.magic)
            ? "this is a single array (.npy); put it into an archive with `numpy.savez`"
            : "this is no archive of NumPy arrays (.npz)")
      }
      archive = try ZipArchive(bytes)
      names = archive.entries.map(\.name).filter { $0.hasSuffix(".npy") }.map {
        String($0.dropLast(4))
      }
      guard !names.isEmpty else {
        throw CheckpointError(
          .unknownFormat,
          "this zip archive has no NumPy arrays, but \(nameList(archive.entries.map(\.name)))")
      }
    } catch let error as CheckpointError {
      throw error.located(in: path)
    }
  }

  /// The type and sizes of an array; nil if there is none of that name.
  ///
  /// - Throws: `CheckpointError` if its header is damaged, or its sizes are not those of its bytes.
  package func array(_ name: String) throws -> NumPyArray? {
    guard let entry = archive.entry(name + ".npy") else { return nil }
    return try located {
      let header = try NumPyHeader(try ZipEntryReader(entry, of: archive), name: entry.name)
      let array = NumPyArray(
        name: name, type: header.type, fields: header.fields, shape: header.shape,
        isColumnMajor: header.isColumnMajor, start: header.byteCount)
      guard let count = TensorExtent.elementCount(header.shape) else {
        throw CheckpointError(
          .damaged, "zip entry \(clipped(entry.name)) has absurd sizes \(header.shape)")
      }
      // Objects are pickled, in any number of bytes.
      guard array.type.kind != "O", let size = array.elementByteCount else { return array }
      let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, bytes == entry.byteCount - header.byteCount else {
        throw CheckpointError(
          .damaged,
          "zip entry \(clipped(entry.name)) has \(entry.byteCount - header.byteCount) bytes for an array"
            + " \(header.shape) of \(array.type); was the file altered or written to its end?")
      }
      return array
    }
  }

  /// The rows of an array of numbers, to be read in parts.
  ///
  /// - Throws: `CheckpointError` if its elements are none of a tensor, or it is both in Fortran's order and
  ///   compressed.
  package func rows(of array: NumPyArray) throws -> NumPyRows {
    guard let entry = archive.entry(array.name + ".npy") else {
      fatalError("NumPyFile: no array '\(array.name)' in '\(path)'")
    }
    return try located { try NumPyRows(array, entry, of: archive, in: file) }
  }

  /// A whole array of numbers.
  ///
  /// - Throws: as `rows`; `CheckpointError` if it is damaged.
  package func tensor(of array: NumPyArray) throws -> Tensor {
    try rows(of: array).read(0..<(array.shape.first ?? 1)).reshaped(array.shape)
  }

  /// The bytes of an array as they are in the file.
  ///
  /// - Throws: `CheckpointError` if it is damaged.
  package func bytes(of array: NumPyArray) throws -> [UInt8] {
    guard let entry = archive.entry(array.name + ".npy") else { return [] }
    return try located {
      let reader = try ZipEntryReader(entry, of: archive)
      try reader.skip(array.start)
      var bytes = [UInt8](repeating: 0, count: reader.remaining)
      try bytes.withUnsafeMutableBytes { try reader.read(into: $0) }
      return bytes
    }
  }

  private func located<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as CheckpointError {
      throw error.located(in: path)
    }
  }
}

/// An array of an `.npz` file.
package struct NumPyArray {
  /// Its name, such as `arr_0`.
  package let name: String
  /// The type of its elements.
  package let type: NumPyType
  /// The names and types of a record's fields, if they are plain; empty for other arrays.
  package let fields: [(name: String, type: NumPyType)]
  /// The sizes.
  package let shape: [Int]
  /// Whether the first index varies fastest.
  package let isColumnMajor: Bool
  /// The bytes of the header.
  let start: Int

  /// The bytes of an element; nil for records that are not plain.
  package var elementByteCount: Int? {
    guard type.kind == nil else { return type.byteCount }
    let sizes = fields.compactMap(\.type.byteCount)
    guard !fields.isEmpty, sizes.count == fields.count else { return nil }
    var total = 0
    for size in sizes {
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard !overflow, size >= 0 else { return nil }
      total = sum
    }
    return total
  }

  /// What it is, for messages: `float64 [2048, 2048]`.
  package var summary: String { "\(type) \(shape)" }
}
