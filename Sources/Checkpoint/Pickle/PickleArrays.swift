// Arrays of NumPy, and PyTorch's tensors of other forms than rows of numbers.
extension PickleMachine {
  /// The function that makes an array without numbers, which come as its attributes.
  static let arrays = (module: "numpy.core.multiarray", name: "_reconstruct")

  /// The bytes that a text is encoded in, which is how old protocols spell bytes.
  mutating func encoded(_ arguments: [PickleGraph.Index]) -> PickleGraph.Index {
    guard arguments.count == 2, case .text(let text) = graph[arguments[0]],
      let encoding = graph.text(arguments[1]), ["latin1", "latin-1"].contains(encoding)
    else { return graph.add(.opaque) }
    return graph.add(.bytes(PickleGraph.Run(range: text.range, isText: true)))
  }

  /// The bytes of a call of `bytes` or `bytearray`.
  mutating func bytes(_ arguments: [PickleGraph.Index]) -> PickleGraph.Index {
    guard let argument = arguments.first else {
      return graph.add(.bytes(PickleGraph.Run(range: 0..<0, isText: false)))
    }
    if case .bytes = graph[argument] { return argument }
    if case .text = graph[argument] { return encoded(arguments) }
    return graph.add(.opaque)
  }

  // MARK: NumPy

  /// The type for the arguments of `numpy.dtype`: a code such as "f4", or a class of `ml_dtypes`.
  mutating func numPyType(_ arguments: [PickleGraph.Index]) -> PickleGraph.Index {
    var name: String?
    if let argument = arguments.first {
      if case .global(.other("ml_dtypes", let own)) = graph[argument] {
        name = own
      } else {
        name = graph.text(argument).flatMap { PickleMachine.numPyNames[$0] }
      }
    }
    graph.numPyTypes.append(name.flatMap { PickleElementType($0) })
    return graph.add(.numPyType(graph.numPyTypes.count - 1))
  }

  /// PyTorch's names of NumPy's types.
  ///
  /// Source: NumPy, "Array interface protocol".
  private static let numPyNames = [
    "b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8",
    "u2": "uint16", "u4": "uint32", "u8": "uint64", "f2": "float16", "f4": "float32",
    "f8": "float64", "f16": "float128", "c8": "complex64", "c16": "complex128",
  ]

  /// Takes the attributes of a type: a version, the order of bytes, and what only types of other things
  /// than numbers have.
  func describedType(_ type: PickleElementType?, _ state: PickleGraph.Index) -> PickleElementType? {
    guard let parts = graph.tuple(state), parts.count >= 5, let order = graph.text(parts[1]) else {
      return nil
    }
    let isPlain = parts[2..<5].allSatisfy { if case .none = graph[$0] { true } else { false } }
    guard isPlain else { return nil }
    return order == ">" ? type?.inForm("big-endian") : type
  }

  /// Gives a type its attributes.
  mutating func describeType(_ index: Int, _ state: PickleGraph.Index) {
    graph.numPyTypes[index] = describedType(graph.numPyTypes[index], state)
  }

  /// The array with attributes: a version, sizes, the type, whether columns come first, and bytes.
  mutating func array(of state: PickleGraph.Index) -> PickleGraph.Value? {
    guard let parts = graph.tuple(state), parts.count == 5, graph.tuple(parts[1]) != nil,
      case .numPyType(let type) = graph[parts[2]], let type = graph.numPyTypes[type],
      case .bool(let isColumnMajor) = graph[parts[3]], case .bytes(let run) = graph[parts[4]]
    else { return nil }
    graph.tensors.append(
      PickleGraph.Tensor(
        type: type, shape: parts[1], content: .run(run, isColumnMajor: isColumnMajor)))
    return .tensor(graph.tensors.count - 1)
  }

  /// The array for bytes, type, sizes and order.
  mutating func array(ofBuffer arguments: [PickleGraph.Index]) -> PickleGraph.Index? {
    guard arguments.count == 4, case .bytes(let run) = graph[arguments[0]],
      case .numPyType(let type) = graph[arguments[1]], let type = graph.numPyTypes[type],
      graph.tuple(arguments[2]) != nil, let order = graph.text(arguments[3]),
      ["C", "F"].contains(order)
    else { return nil }
    return addTensor(type, shape: arguments[2], .run(run, isColumnMajor: order == "F"))
  }

  // MARK: Other forms of tensors

  /// Integers with a scale: storage, offset, sizes, strides and more.
  mutating func quantizedTensor(_ arguments: [PickleGraph.Index]) throws -> PickleGraph.Index {
    guard arguments.count >= 5, case .storage(let storage) = graph[arguments[0]],
      let type = graph.storages[storage].type, graph.tuple(arguments[2]) != nil
    else { throw unknownArguments }
    // Of a type that this package computes in, these would be other numbers.
    return addTensor(
      type.dtype == nil ? type : type.inForm("quantized"), shape: arguments[2],
      .storage(graph.storages[storage], offset: 0, strides: arguments[3]))
  }

  /// Numbers with their places: a layout, and the parts, among them the sizes.
  mutating func sparseTensor(_ arguments: [PickleGraph.Index]) throws -> PickleGraph.Index {
    guard arguments.count == 2, let parts = graph.tuple(arguments[1]), parts.count > 2,
      let shape = parts.first(where: { graph.tuple($0) != nil }),
      let values = parts.compactMap(tensor).last
    else { throw unknownArguments }
    return addTensor(
      values.type.inForm("sparse"), shape: shape, .parts(byteCount: byteCount(of: parts)))
  }

  /// Tensors of several sizes: all numbers, then the sizes and places of each tensor.
  mutating func nestedTensor(_ arguments: [PickleGraph.Index]) throws -> PickleGraph.Index {
    guard let numbers = arguments.first.flatMap(tensor) else { throw unknownArguments }
    return addTensor(
      numbers.type.inForm("nested"), shape: numbers.shape,
      .parts(byteCount: byteCount(of: arguments)))
  }

  /// Sizes without numbers: a type, sizes and strides.
  mutating func metaTensor(_ arguments: [PickleGraph.Index]) throws -> PickleGraph.Index {
    guard arguments.count >= 3, case .global(.elementType(let type)) = graph[arguments[0]],
      graph.tuple(arguments[1]) != nil
    else { throw unknownArguments }
    return addTensor(type.inForm("meta"), shape: arguments[1], .parts(byteCount: 0))
  }

  private func tensor(_ index: PickleGraph.Index) -> PickleGraph.Tensor? {
    if case .tensor(let tensor) = graph[index] { graph.tensors[tensor] } else { nil }
  }

  /// The bytes of the tensors among values; nil if they are not known.
  private func byteCount(of parts: [PickleGraph.Index]) -> Int? {
    var sum = 0
    for part in parts.compactMap(tensor) {
      guard let size = part.type.byteCount,
        let shape = graph.integers(part.shape, atMost: TensorExtent.maximumRank),
        let count = TensorExtent.elementCount(shape)
      else { return nil }
      let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
      let (total, carry) = sum.addingReportingOverflow(bytes)
      guard !overflow, !carry else { return nil }
      sum = total
    }
    return sum
  }
}
