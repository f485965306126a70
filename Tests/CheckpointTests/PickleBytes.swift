/// Pieces of pickles of protocol 2.
enum PickleBytes {
  static let mark: [UInt8] = Array("(".utf8)
  static let none: [UInt8] = Array("N".utf8)
  static let emptyTuple: [UInt8] = Array(")".utf8)
  static let emptyList: [UInt8] = Array("]".utf8)
  static let emptyDict: [UInt8] = Array("}".utf8)
  static let reduce: [UInt8] = Array("R".utf8)
  static let append: [UInt8] = Array("a".utf8)
  static let setItem: [UInt8] = Array("s".utf8)
  static let setItems: [UInt8] = Array("u".utf8)

  /// A whole pickle of one value.
  static func pickle(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + Array(".".utf8) }

  static func text(_ text: String) -> [UInt8] {
    [0x58] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + littleEndian(value) }

  static func name(_ module: String, _ name: String) -> [UInt8] {
    Array("c\(module)\n\(name)\n".utf8)
  }

  static func tuple(_ items: [[UInt8]]) -> [UInt8] { mark + items.joined() + Array("t".utf8) }

  static func list(_ items: [[UInt8]]) -> [UInt8] {
    emptyList + mark + items.joined() + Array("e".utf8)
  }

  static func dict(_ members: [(String, [UInt8])]) -> [UInt8] {
    emptyDict + mark + members.flatMap { text($0.0) + $0.1 } + setItems
  }

  static func call(_ module: String, _ function: String, _ arguments: [[UInt8]]) -> [UInt8] {
    name(module, function) + tuple(arguments) + reduce
  }

  static func put(_ index: UInt8) -> [UInt8] { [0x71, index] }
  static func get(_ index: UInt8) -> [UInt8] { [0x68, index] }

  static func storage(_ type: String = "FloatStorage", key: String = "0", count: Int) -> [UInt8] {
    tuple([text("storage"), name("torch", type), text(key), text("cpu"), integer(count)])
      + Array("Q".utf8)
  }

  /// A tensor of float32 in storage "0" of `count` elements.
  static func tensor(
    _ shape: [Int], strides: [Int], offset: Int = 0, count: Int
  ) -> [UInt8] {
    tensor(
      storage: storage(count: count), offset: integer(offset),
      shape: tuple(shape.map { integer($0) }), strides: tuple(strides.map { integer($0) }))
  }

  static func tensor(
    storage: [UInt8], offset: [UInt8], shape: [UInt8], strides: [UInt8]
  ) -> [UInt8] {
    call(
      "torch._utils", "_rebuild_tensor_v2",
      [storage, offset, shape, strides, [0x89], call("collections", "OrderedDict", [])])
  }

  static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}
