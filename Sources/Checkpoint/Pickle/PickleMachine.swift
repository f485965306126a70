/// Reads a pickle of the protocols 2 to 5 as data.
///
/// Source: CPython, Lib/pickletools.py. No Python name is called: the graph describes what a call of the
/// names in `PickleGlobal` would make, and has the names and the arguments of others. Each
/// instruction takes at least a byte and makes at most one value, so the pickle's length bounds time and
/// memory.
struct PickleMachine {
  /// The longest pickle to read, without the content of long texts and bytes: a few million tensors.
  static let maximumByteCount = 64 << 20
  /// The most bytes of a short text, or of short bytes.
  private static let maximumShortCount = 64 << 10

  var graph: PickleGraph
  private(set) var cursor: ByteCursor
  private var stack: [PickleGraph.Index] = []
  /// The heights of the stack at the marks.
  private var marks: [Int] = []
  private var memo: [Int: PickleGraph.Index] = [:]
  /// The bytes in long texts and bytes, of which only the ranges are kept.
  private var longByteCount = 0
  /// The number of items that may still be copied from container to container.
  var copyBudget: Int

  /// Reads the pickle at the cursor.
  ///
  /// - Returns: the values, the outermost one and the cursor after the pickle.
  /// - Throws: `CheckpointError`.
  static func read(
    _ cursor: ByteCursor
  ) throws -> (graph: PickleGraph, root: PickleGraph.Index, end: ByteCursor) {
    var machine = PickleMachine(cursor)
    let root = try machine.run()
    return (machine.graph, root, machine.cursor)
  }

  private init(_ cursor: ByteCursor) {
    self.cursor = cursor
    graph = PickleGraph(cursor.bytes)
    copyBudget = min(cursor.remaining, PickleMachine.maximumByteCount)
  }

  /// An error at the current byte.
  func error(_ reason: String, _ code: CheckpointError.Reason = .damaged) -> CheckpointError {
    CheckpointError(code, "\(cursor.subject) is wrong before byte \(cursor.offset): \(reason)")
  }

  private mutating func run() throws -> PickleGraph.Index {
    let start = cursor.offset
    while true {
      guard cursor.offset - start - longByteCount <= PickleMachine.maximumByteCount else {
        throw error("it is longer than \(PickleMachine.maximumByteCount) bytes", .unsupported)
      }
      let code = try cursor.take(UInt8.self)
      guard let instruction = PickleInstruction(rawValue: code) else {
        throw error("instruction \(code) is not one that `torch.save` writes", .unsupported)
      }
      guard instruction != .stop else { break }
      if try takeLiteral(instruction) { continue }
      if try takeStructure(instruction) { continue }
      try takeObject(instruction)
    }
    guard marks.isEmpty, stack.count == 1 else { throw error("it ends with values left over") }
    return stack[0]
  }

  /// Carries out an instruction that pushes a number, a text or the like; false for others.
  private mutating func takeLiteral(_ instruction: PickleInstruction) throws -> Bool {
    switch instruction {
    case .none: push(.none)
    case .newTrue: push(.bool(true))
    case .newFalse: push(.bool(false))
    case .binInt: push(.integer(Int(try cursor.take(Int32.self))))
    case .binInt1: push(.integer(Int(try cursor.take(UInt8.self))))
    case .binInt2: push(.integer(Int(try cursor.take(UInt16.self))))
    case .long4: push(integer(try cursor.take(try cursor.takeCount(Int32.self))))
    case .long1: push(integer(try cursor.take(Int(try cursor.take(UInt8.self)))))
    case .binFloat:
      push(.float(Double(bitPattern: UInt64(bigEndian: try cursor.take(UInt64.self)))))
    case .shortBinUnicode: try pushText(count: Int(try cursor.take(UInt8.self)))
    case .binUnicode: try pushText(count: Int(try cursor.take(UInt32.self)))
    case .binUnicode8: try pushText(count: try cursor.takeCount(UInt64.self))
    case .shortBinBytes: push(.bytes(try run(count: Int(try cursor.take(UInt8.self)))))
    case .binBytes: push(.bytes(try run(count: Int(try cursor.take(UInt32.self)))))
    case .binBytes8, .byteArray8:
      push(.bytes(try run(count: try cursor.takeCount(UInt64.self))))
    // Texts of Python 2, in any encoding.
    case .shortBinString: try pushString(count: Int(try cursor.take(UInt8.self)))
    case .binString: try pushString(count: try cursor.takeCount(Int32.self))
    default: return false
    }
    return true
  }

  /// Carries out an instruction on the stack, the memo or a container; false for others.
  private mutating func takeStructure(_ instruction: PickleInstruction) throws -> Bool {
    switch instruction {
    case .proto:
      let version = try cursor.take(UInt8.self)
      guard 2...5 ~= version else { throw error("protocol \(version) is unknown", .unsupported) }
    case .frame:
      guard try cursor.takeCount(UInt64.self) <= cursor.remaining else {
        throw error("a frame reaches beyond the end")
      }
    case .mark: marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popToMark()
    case .duplicate:
      let value = try pop()
      stack += [value, value]
    case .binPut: try memorize(Int(try cursor.take(UInt8.self)))
    case .longBinPut: try memorize(Int(try cursor.take(UInt32.self)))
    case .memoize: try memorize(memo.count)
    case .binGet: try recall(Int(try cursor.take(UInt8.self)))
    case .longBinGet: try recall(Int(try cursor.take(UInt32.self)))
    case .emptyTuple: push(.tuple(graph.addItems()))
    case .emptyList, .emptySet: push(.list(graph.addItems()))
    case .emptyDict: push(.dictionary(graph.addItems()))
    case .tuple1: try pushTuple(count: 1)
    case .tuple2: try pushTuple(count: 2)
    case .tuple3: try pushTuple(count: 3)
    case .tuple: push(.tuple(graph.addItems(try popToMark())))
    case .frozenSet: push(.list(graph.addItems(try popToMark())))
    case .append: try extendList([try pop()])
    case .appends, .addItems: try extendList(try popToMark())
    case .setItem:
      let value = try pop()
      try extendDictionary([try pop(), value])
    case .setItems: try extendDictionary(try popToMark())
    default: return false
    }
    return true
  }

  /// Carries out an instruction that names, makes or fills an object.
  private mutating func takeObject(_ instruction: PickleInstruction) throws {
    switch instruction {
    case .global:
      let newline = UInt8(ascii: "\n")
      let module = try text(try cursor.take(upTo: newline))
      let name = try text(try cursor.take(upTo: newline))
      push(.global(try PickleGlobal(module: module, name: name)))
    case .stackGlobal:
      let name = try pop()
      let module = try pop()
      guard let name = graph.text(name), let module = graph.text(module) else {
        throw error("a Python name is not text")
      }
      push(.global(try PickleGlobal(module: module, name: name)))
    case .binPersID: push(try storage(try pop()))
    case .reduce:
      let arguments = try pop()
      stack.append(try reduced(try pop(), arguments))
    case .newObject:
      let arguments = try pop()
      stack.append(try madeObject(try pop(), arguments))
    case .newObjectWithKeywords:
      let keywords = try pop()
      let arguments = try pop()
      let object = try madeObject(try pop(), arguments)
      if case .object(let index) = graph[object] { graph.objects[index].parts.append(keywords) }
      stack.append(object)
    case .build:
      let state = try pop()
      guard let object = stack.last else { throw underflow }
      try build(object, state)
    default: throw error("an instruction is out of place")
    }
  }

  private mutating func push(_ value: PickleGraph.Value) { stack.append(graph.add(value)) }

  private var underflow: CheckpointError { error("an instruction lacks its operand") }

  /// Pops a value, which must lie above the last mark.
  private mutating func pop() throws -> PickleGraph.Index {
    guard stack.count > marks.last ?? 0, let value = stack.popLast() else { throw underflow }
    return value
  }

  private mutating func popToMark() throws -> [PickleGraph.Index] {
    guard let height = marks.popLast() else { throw error("a mark is missing") }
    defer { stack.removeSubrange(height...) }
    return Array(stack[height...])
  }

  private mutating func pushTuple(count: Int) throws {
    guard stack.count - (marks.last ?? 0) >= count else { throw underflow }
    let content = Array(stack.suffix(count))
    stack.removeLast(count)
    push(.tuple(graph.addItems(content)))
  }

  private mutating func memorize(_ key: Int) throws {
    guard stack.count > marks.last ?? 0, let value = stack.last else { throw underflow }
    memo[key] = value
  }

  private mutating func recall(_ key: Int) throws {
    guard let value = memo[key] else { throw error("value \(key) is used before it is made") }
    stack.append(value)
  }

  private mutating func extendList(_ values: [PickleGraph.Index]) throws {
    switch stack.last.map({ graph[$0] }) {
    case .list(let content): graph.items[content].append(contentsOf: values)
    case .object(let object): graph.objects[object].parts += values
    default: throw error("items are added to something other than a list")
    }
  }

  private mutating func extendDictionary(_ values: [PickleGraph.Index]) throws {
    let content: Int
    switch stack.last.map({ graph[$0] }) {
    case .dictionary(let items): content = items
    case .object(let object): content = graph.objects[object].items
    default: throw error("items are set in something other than a dict")
    }
    guard values.count.isMultiple(of: 2) else { throw error("a key lacks its value") }
    graph.items[content].append(contentsOf: values)
  }

  /// Takes bytes, of which only the range is kept.
  private mutating func run(count: Int) throws -> PickleGraph.Run {
    let start = cursor.offset
    _ = try cursor.take(count)
    if count > PickleMachine.maximumShortCount { longByteCount += count }
    return PickleGraph.Run(range: start..<cursor.offset, isText: false)
  }

  private mutating func pushText(count: Int) throws {
    let range = try run(count: count).range
    let isShort = count <= PickleMachine.maximumShortCount
    push(
      .text(PickleGraph.Text(range: range, short: isShort ? try text(content(range)) : nil)))
  }

  private mutating func pushString(count: Int) throws {
    let run = try run(count: count)
    let text = String(validating: content(run.range), as: UTF8.self)
    push(text.map { .text(PickleGraph.Text(range: run.range, short: $0)) } ?? .bytes(run))
  }

  private func content(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: cursor.bytes[range])
  }

  private func text(_ bytes: UnsafeRawBufferPointer) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw error("a text is not UTF-8")
    }
    return text
  }

  /// A little-endian integer with sign of any length; opaque beyond 64 bits.
  private func integer(_ bytes: UnsafeRawBufferPointer) -> PickleGraph.Value {
    guard bytes.count <= 8, let last = bytes.last else {
      return bytes.isEmpty ? .integer(0) : .opaque
    }
    let high = Int(Int8(bitPattern: last))
    return .integer(bytes.dropLast().reversed().reduce(high) { $0 << 8 | Int($1) })
  }
}
