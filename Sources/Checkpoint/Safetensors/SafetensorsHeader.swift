internal import Files

/// The table at the start of a safetensors file.
struct SafetensorsHeader {
  /// One tensor as the header states it, unchecked.
  struct Tensor {
    var name: String
    var dtype = ""
    var shape: [Int] = []
    /// Its range of bytes, counted from the end of the header.
    var begin = 0
    var end = 0
  }

  var tensors: [Tensor] = []
  var metadata: [String: String] = [:]

  /// Parses exactly the JSON that the format allows.
  ///
  /// That is an object from names to `dtype`, `shape` and `data_offsets`, and from `__metadata__` to an
  /// object of strings. The grammar has no recursion: nested input fails at the first extra bracket.
  ///
  /// - Throws: `CheckpointError`, also for repeated names.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws -> SafetensorsHeader {
    do {
      return try read(bytes)
    } catch let error as JSONError {
      throw CheckpointError(.damaged, "the header's JSON is \(error)")
    }
  }

  private static func read(_ bytes: UnsafeRawBufferPointer) throws -> SafetensorsHeader {
    var reader = JSONReader(bytes)
    var header = SafetensorsHeader()
    var names: Set<String> = []
    try reader.object { reader, name in
      guard names.insert(name).inserted else { throw reader.error("'\(name)' comes twice") }
      if name == "__metadata__" {
        header.metadata = try texts(&reader)
      } else {
        header.tensors.append(try tensor(&reader, name))
      }
    }
    try reader.end()
    return header
  }

  private static func texts(_ reader: inout JSONReader) throws -> [String: String] {
    var texts: [String: String] = [:]
    try reader.object { reader, key in
      guard texts.updateValue(try reader.string(), forKey: key) == nil else {
        throw reader.error("'\(key)' comes twice in __metadata__")
      }
    }
    return texts
  }

  private static func tensor(_ reader: inout JSONReader, _ name: String) throws -> Tensor {
    var tensor = Tensor(name: name)
    var fields: Set<String> = []
    try reader.object { reader, field in
      guard fields.insert(field).inserted else {
        throw reader.error("tensor '\(name)' has '\(field)' twice")
      }
      switch field {
      case "dtype": tensor.dtype = try reader.string()
      case "shape": tensor.shape = try reader.integers(atMost: TensorExtent.maximumRank)
      case "data_offsets":
        let offsets = try reader.integers(atMost: 2)
        guard offsets.count == 2 else {
          throw reader.error("tensor '\(name)' needs two data_offsets")
        }
        (tensor.begin, tensor.end) = (offsets[0], offsets[1])
      default: throw reader.error("tensor '\(name)' has an unknown field '\(field)'")
      }
    }
    guard fields.count == 3 else {
      throw reader.error("tensor '\(name)' lacks dtype, shape or data_offsets")
    }
    return tensor
  }
}
