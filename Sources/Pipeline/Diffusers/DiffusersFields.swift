internal import Files
internal import Foundation

/// The fields of a JSON file with which diffusers describes a model or a scheduler, read one by one, so
/// that a fault names its field.
struct DiffusersFields {
  /// A value that a field may have.
  private enum Value: Decodable, Equatable, CustomStringConvertible {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([Value])
    case other

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let list = try? container.decode([Value].self) {
        self = .list(list)
      } else {
        self = .other
      }
    }

    var description: String {
      switch self {
      case .null: "null"
      case .flag(let flag): "\(flag)"
      case .number(let number): "\(number)"
      case .text(let text): "'\(text)'"
      case .list(let values): "\(values)"
      case .other: "an object"
      }
    }
  }

  /// The file, for messages.
  let path: String
  private var values: [String: Value]

  /// Reads a file.
  ///
  /// - Throws: `PipelineError` if it is no JSON object; `FileError` if it cannot be read.
  init(_ path: String) throws {
    let bytes: Data
    let repeated: RepeatedKey?
    do {
      let file = try MappedFile(path)
      (bytes, repeated) = withExtendedLifetime(file) {
        (Data(file.bytes), RepeatedKey(in: file.bytes))
      }
    } catch let error as FileError where error.reason == .empty {
      throw PipelineError(.unusable, "'\(path)' is empty; was it copied completely?")
    }
    do {
      values = try JSONDecoder().decode([String: Value].self, from: bytes)
    } catch {
      throw PipelineError(
        .unusable, "'\(path)' is no JSON object that can be read; was it copied completely?")
    }
    if let repeated { throw PipelineError(.unusable, "'\(path)': \(repeated)") }
    self.path = path
  }

  /// Takes the texts of a checkpoint's metadata for fields, each in JSON.
  init(metadata: [String: String], path: String) {
    self.path = path
    values = metadata.compactMapValues { text in
      try? JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }
  }

  /// A fault of a field.
  func fault(_ key: String, _ what: String) -> PipelineError {
    PipelineError(.unusable, "'\(path)': \(key) \(what)")
  }

  private func value<Result>(
    _ key: String, _ form: String, _ read: (Value) -> Result?
  ) throws -> Result? {
    switch values[key] {
    case nil, .null: return nil
    case let value?:
      guard let result = read(value) else { throw fault(key, "must be \(form)") }
      return result
    }
  }

  /// A text; nil if the field is missing or null, as for all kinds of values.
  func text(_ key: String) throws -> String? {
    try value(key, "a text") { if case .text(let text) = $0 { text } else { nil } }
  }

  /// `true` or `false`.
  func flag(_ key: String) throws -> Bool? {
    try value(key, "true or false") { if case .flag(let flag) = $0 { flag } else { nil } }
  }

  /// A finite number.
  func number(_ key: String) throws -> Double? {
    try value(key, "a number", DiffusersFields.number)
  }

  /// A whole number.
  func integer(_ key: String) throws -> Int? {
    try value(key, "a whole number", DiffusersFields.integer)
  }

  /// A list of finite numbers.
  func numbers(_ key: String) throws -> [Double]? {
    try value(key, "a list of numbers") { DiffusersFields.list($0, DiffusersFields.number) }
  }

  /// A list of whole numbers.
  func integers(_ key: String) throws -> [Int]? {
    try value(key, "a list of whole numbers") { DiffusersFields.list($0, DiffusersFields.integer) }
  }

  /// A list of texts.
  func texts(_ key: String) throws -> [String]? {
    try value(key, "a list of texts") {
      DiffusersFields.list($0) { if case .text(let text) = $0 { text } else { nil } }
    }
  }

  /// A side in pixels: a number, or a list of two that are equal.
  func side(_ key: String) throws -> Int? {
    try value(key, "a number, or two that are equal") {
      if let side = DiffusersFields.integer($0) { return side }
      let sides = DiffusersFields.list($0, DiffusersFields.integer) ?? []
      return sides.count == 2 && sides[0] == sides[1] ? sides[0] : nil
    }
  }

  /// Whether a field has a value other than null.
  func has(_ key: String) -> Bool {
    switch values[key] {
    case nil, .null: false
    default: true
    }
  }

  private static func number(_ value: Value) -> Double? {
    if case .number(let number) = value, number.isFinite { number } else { nil }
  }

  private static func integer(_ value: Value) -> Int? { number(value).flatMap(Int.init(exactly:)) }

  private static func list<Item>(_ value: Value, _ read: (Value) -> Item?) -> [Item]? {
    guard case .list(let values) = value else { return nil }
    let items = values.compactMap(read)
    return items.count == values.count ? items : nil
  }

  // MARK: Checks

  /// Refuses null for fields that diffusers computes with.
  func refuseNull(_ keys: [String]) throws {
    for key in keys where values[key] == .null {
      throw fault(
        key, "is null, which diffusers cannot compute with; give a value, or leave it out")
    }
  }

  /// The fields that have another value in a second file, with both values.
  func differences(
    from other: DiffusersFields, in keys: [String]
  ) -> [(key: String, own: String, other: String)] {
    keys.compactMap { key in
      guard has(key), other.has(key), let own = values[key], let second = other.values[key],
        own != second
      else { return nil }
      return (key, own.description, second.description)
    }
  }

  /// Refuses a field whose value is another than the one that is computed; missing counts as that one.
  func require<Value: Equatable>(_ key: String, _ value: Value?, is known: Value) throws {
    guard let value, value != known else { return }
    throw fault(
      key, "is \(DiffusersFields.shown(value)); only \(DiffusersFields.shown(known)) is known")
  }

  /// Refuses a field that contradicts the tensors of the file; missing contradicts nothing.
  func require<Value: Equatable>(_ key: String, _ value: Value?, asInFile own: Value) throws {
    guard let value, value != own else { return }
    throw fault(
      key,
      "is \(DiffusersFields.shown(value)), and the tensors are of"
        + " \(DiffusersFields.shown(own)); they do not belong together")
  }

  private static func shown<Value>(_ value: Value) -> String {
    if let text = value as? String { return "'\(text)'" }
    return "\(value)"
  }
}
