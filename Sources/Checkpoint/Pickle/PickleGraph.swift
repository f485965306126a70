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
    case text(Text)
    case bytes(Run)
    /// A value whose content no state dict needs, such as a huge number.
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
    /// An index of `numPyTypes`.
    case numPyType(Int)

    /// A word for messages.
    var kind: String {
      switch self {
      case .none: "None"
      case .bool: "a truth value"
      case .integer, .float: "a number"
      case .text: "a text"
      case .bytes: "bytes"
      case .opaque: "a value of no use here"
      case .global: "a Python name"
      case .tuple: "a tuple"
      case .list: "a list"
      case .dictionary: "a dict"
      case .namespace, .object: "an object"
      case .storage: "a storage"
      case .tensor: "a tensor"
      case .numPyType: "a NumPy type"
      }
    }
  }

  /// A text of the pickle.
  struct Text {
    /// Its bytes in the pickle.
    let range: Range<Int>
    /// The text itself, if it is short.
    let short: String?
  }

  /// Bytes of the pickle.
  struct Run {
    let range: Range<Int>
    /// Whether they are spelled as a text in UTF-8, each byte a character, as old protocols do.
    let isText: Bool
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
    /// Where its numbers are.
    enum Content {
      /// In a storage, from the element at `offset` on; a tuple of strides.
      case storage(Storage, offset: Int, strides: Index)
      /// In the pickle itself, as an array of NumPy: the first index runs fastest, or the last one.
      case run(Run, isColumnMajor: Bool)
      /// In parts that are not read, of so many bytes together, if that is known.
      case parts(byteCount: Int?)
    }

    let type: PickleElementType
    /// A tuple of the sizes.
    let shape: Index
    let content: Content
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

  /// The pickle, which texts and bytes are ranges of.
  let bytes: UnsafeRawBufferPointer
  private(set) var values: [Value] = []
  var items: [[Index]] = []
  var storages: [Storage] = []
  var tensors: [Tensor] = []
  var objects: [Object] = []
  /// The types of NumPy; nil for those of other things than numbers.
  var numPyTypes: [PickleElementType?] = []
  /// For each dict with attributes, the dict of them.
  var attributes: [Index: Index] = [:]

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

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
    guard case .text(let text) = self[index] else { return nil }
    return text.short
      ?? String(validating: UnsafeRawBufferPointer(rebasing: bytes[text.range]), as: UTF8.self)
  }

  /// A number, truth value or text as text; nil for other values.
  func scalarText(_ index: Index) -> String? {
    switch self[index] {
    case .bool(let value): String(value)
    case .integer(let value): String(value)
    case .float(let value): String(value)
    default: text(index)
    }
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

  /// The items of a list or tuple, or the values of a dict with the keys 0, 1, 2 and so on; nil for other
  /// values.
  func sequence(_ index: Index) -> [Index]? {
    guard case .dictionary(let content) = self[index], !items[content].isEmpty else {
      return list(index)
    }
    let members = items[content]
    var values: [Index] = []
    for position in stride(from: 0, to: members.count - 1, by: 2) {
      guard case .integer(values.count) = self[members[position]] else { return nil }
      values.append(members[position + 1])
    }
    return values
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
