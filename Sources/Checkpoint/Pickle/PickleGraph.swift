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
    /// The attributes of an `argparse.Namespace`: alternating names and values.
    case namespace(Int)
    /// An object of another class, or the result of a function, neither of which is made: an index of
    /// `objects`.
    case object(Int)
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
      case .namespace, .object: "an object"
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

  /// What a pickle says of an object that is not made.
  struct Object {
    /// The Python name of its class, or of the function that makes it.
    let module: String
    let name: String
    /// Its members, for a kind of dict: an index of `items`, with alternating keys and values.
    let items: Int
    /// What it is made of: arguments, attributes.
    var parts: [Index]
  }

  private(set) var values: [Value] = []
  var items: [[Index]] = []
  var storages: [Storage] = []
  var tensors: [Tensor] = []
  var objects: [Object] = []
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

  /// The items of a list or tuple; nil for other values.
  func list(_ index: Index) -> [Index]? {
    switch self[index] {
    case .list(let content), .tuple(let content): items[content]
    default: nil
    }
  }

  /// Whether a value is a tensor of one dimension or more.
  func isWeight(_ index: Index) -> Bool {
    guard case .tensor(let tensor) = self[index] else { return false }
    return tuple(tensors[tensor].shape)?.isEmpty == false
  }

  /// Whether a tensor of one dimension or more is anywhere within a value; a large value is not searched
  /// to its end.
  func holdsTensors(_ index: Index) -> Bool {
    var waiting = [index]
    var seen: Set<Index> = [index]
    while let next = waiting.popLast(), seen.count < 100_000 {
      if isWeight(next) { return true }
      let parts: [Index]
      switch self[next] {
      case .tuple(let content), .list(let content), .dictionary(let content),
        .namespace(let content):
        parts = items[content]
      case .object(let object): parts = objects[object].parts + items[objects[object].items]
      default: parts = []
      }
      waiting += parts.filter { seen.insert($0).inserted }
    }
    return false
  }

  /// What a value with averaged weights is, for messages.
  func form(of index: Index) -> String {
    switch self[index] {
    case .object(let object): "an object of \(objects[object].module).\(objects[object].name)"
    case .dictionary: "a dict without names of parameters"
    default: self[index].kind
    }
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
    case .object(let object): content = items[objects[object].items]
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
