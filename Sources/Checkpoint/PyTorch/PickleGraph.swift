/// The values that a pickle describes.
///
/// Values refer to each other by index, so a value may contain itself or be shared a million times at
/// no cost: nothing here follows the references.
struct PickleGraph {
  /// The index of a value.
  typealias Index = Int

  /// One value.
  ///
  /// Numbers in `tuple`, `list`, `dictionary` and `namespace` are indices of `items`.
  enum Value {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(String)
    /// A value whose content no state dict needs, such as bytes or a huge number.
    case opaque
    case global(PickleGlobal)
    case tuple(Int)
    /// A list or set.
    case list(Int)
    /// Alternating keys and values.
    case dictionary(Int)
    /// An object's attributes: alternating names and values.
    case namespace(Int)
    /// An index of `storages`.
    case storage(Int)
    /// An index of `tensors`.
    case tensor(Int)

    /// A word for messages.
    var kind: String {
      switch self {
      case .none: "None"
      case .bool: "a truth value"
      case .integer, .float: "a number"
      case .text: "a text"
      case .opaque: "bytes or the like"
      case .global: "a Python name"
      case .tuple: "a tuple"
      case .list: "a list"
      case .dictionary: "a dict"
      case .namespace: "an object"
      case .storage: "a storage"
      case .tensor: "a tensor"
      }
    }

    /// A number, truth value or text as text.
    var scalarText: String? {
      switch self {
      case .bool(let value): String(value)
      case .integer(let value): String(value)
      case .float(let value): String(value)
      case .text(let value): value
      default: nil
      }
    }
  }

  /// A run of bytes that tensors share.
  struct Storage {
    /// The name of its record.
    let key: String
    /// The type of its elements; nil for bytes.
    let type: PickleElementType?
    /// The number of elements, or of bytes.
    let count: Int
  }

  /// A tensor as the pickle states it, unchecked.
  struct Tensor {
    let storage: Storage
    let type: PickleElementType
    /// The index of its first element in the storage.
    let offset: Int
    /// Tuples of the sizes and strides.
    let shape: Index
    let strides: Index
  }

  private(set) var values: [Value] = []
  var items: [[Index]] = []
  var storages: [Storage] = []
  var tensors: [Tensor] = []
  /// For each dict with attributes, the dict of them.
  var attributes: [Index: Index] = [:]

  subscript(index: Index) -> Value {
    get { values[index] }
    set { values[index] = newValue }
  }

  /// Adds a value.
  mutating func add(_ value: Value) -> Index {
    values.append(value)
    return values.count - 1
  }

  /// Adds the items of a container; gives their index.
  mutating func addItems(_ content: [Index] = []) -> Int {
    items.append(content)
    return items.count - 1
  }

  /// The text of a value; nil for other values.
  func text(_ index: Index) -> String? {
    if case .text(let text) = self[index] { text } else { nil }
  }

  /// The items of a tuple; nil for other values.
  func tuple(_ index: Index) -> [Index]? {
    if case .tuple(let content) = self[index] { items[content] } else { nil }
  }

  /// The integers of a tuple of at most `limit`; nil for other values.
  func integers(_ index: Index, atMost limit: Int) -> [Int]? {
    guard let content = tuple(index), content.count <= limit else { return nil }
    var integers: [Int] = []
    for item in content {
      guard case .integer(let integer) = self[item] else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// The entries with text keys of a dict or the attributes of an object, in order; nil if the value
  /// is neither.
  ///
  /// - Throws: `CheckpointError` for a key that comes twice.
  func members(_ index: Index) throws -> [(key: String, value: Index)]? {
    let content: [Index]
    switch self[index] {
    case .dictionary(let index), .namespace(let index): content = items[index]
    default: return nil
    }
    var members: [(key: String, value: Index)] = []
    var keys: Set<String> = []
    for position in stride(from: 0, to: content.count - 1, by: 2) {
      guard let key = text(content[position]) else { continue }
      guard keys.insert(key).inserted else {
        throw CheckpointError(.damaged, "a dict in the file has the key \(clipped(key)) twice")
      }
      members.append((key, content[position + 1]))
    }
    return members
  }
}
