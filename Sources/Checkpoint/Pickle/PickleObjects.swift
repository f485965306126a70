// What a pickle's calls would make, described instead of called.
extension PickleMachine {
  /// The value of a call of a name with a tuple of arguments.
  mutating func reduced(
    _ callee: PickleGraph.Index, _ arguments: PickleGraph.Index
  ) throws -> PickleGraph.Index {
    guard let items = graph.tuple(arguments) else {
      throw error("a call of what is no Python name")
    }
    switch graph[callee] {
    case .global(let global): return try reduced(global, items, arguments)
    case .object(let object):
      return addObject(graph.objects[object].module, graph.objects[object].name, [arguments])
    default: throw error("a call of what is no Python name")
    }
  }

  private mutating func reduced(
    _ global: PickleGlobal, _ arguments: [PickleGraph.Index], _ tuple: PickleGraph.Index
  ) throws -> PickleGraph.Index {
    switch global {
    case .other(let module, let name): return addObject(module, name, [tuple])
    case .dictionary: return try dictionary(arguments)
    case .set:
      guard arguments.count == 1, case .list(let content) = graph[arguments[0]] else { break }
      return graph.add(.list(content))
    case .encode: return encoded(arguments)
    case .bytes: return bytes(arguments)
    case .device: return graph.add(.opaque)
    case .size:
      guard arguments.count == 1, graph.tuple(arguments[0]) != nil else { break }
      return arguments[0]
    case .rebuildTensor: return try tensor(arguments, argumentCount: 6...7)
    case .rebuildTypedTensor: return try tensor(arguments, argumentCount: 7...8)
    case .rebuildQuantized: return try quantizedTensor(arguments)
    case .rebuildSparse: return try sparseTensor(arguments)
    case .rebuildNested: return try nestedTensor(arguments)
    case .rebuildMeta: return try metaTensor(arguments)
    case .numPyType: return numPyType(arguments)
    case .numPyBuffer:
      return array(ofBuffer: arguments)
        ?? addObject("numpy.core.numeric", "_frombuffer", [tuple])
    case .numPyArray:
      return addObject(PickleMachine.arrays.module, PickleMachine.arrays.name, [tuple])
    case .rebuildParameter:
      guard 3...4 ~= arguments.count else { break }
      return arguments[0]
    case .rebuildWithAttributes:
      guard arguments.count == 4, case .global(let inner) = graph[arguments[0]],
        inner != .rebuildWithAttributes, let innerArguments = graph.tuple(arguments[2])
      else { break }
      return try reduced(inner, innerArguments, arguments[2])
    case .namespace, .type, .elementType, .storage: break
    }
    throw unknownArguments
  }

  /// The value of making an object of a class with a tuple of arguments.
  mutating func madeObject(
    _ type: PickleGraph.Index, _ arguments: PickleGraph.Index
  ) throws -> PickleGraph.Index {
    switch graph[type] {
    case .global(.other(let module, let name)): return addObject(module, name, [arguments])
    case .global(.namespace) where graph.tuple(arguments)?.isEmpty == true:
      return graph.add(.namespace(graph.addItems()))
    default: throw error("an object of a class that makes none here", .unsupported)
    }
  }

  /// Notes an object, which is not made.
  private mutating func addObject(
    _ module: String, _ name: String, _ parts: [PickleGraph.Index]
  ) -> PickleGraph.Index {
    graph.objects.append(
      PickleGraph.Object(module: module, name: name, items: graph.addItems(), parts: parts))
    return graph.add(.object(graph.objects.count - 1))
  }

  /// Gives an object its attributes; those of a dict, such as the layer versions that PyTorch keeps
  /// in `_metadata`, are kept apart.
  mutating func build(_ object: PickleGraph.Index, _ state: PickleGraph.Index) throws {
    switch (graph[object], graph[state]) {
    case (.namespace, .dictionary(let content)): graph[object] = .namespace(content)
    case (.dictionary, .dictionary): graph.attributes[object] = state
    case (.object(let index), _):
      let (module, name) = (graph.objects[index].module, graph.objects[index].name)
      if (module, name) == PickleMachine.arrays, let array = array(of: state) {
        graph[object] = array
      } else {
        graph.objects[index].parts.append(state)
      }
    case (.numPyType(let index), _): describeType(index, state)
    case (.dictionary, _), (.tensor, _), (.list, _), (.bytes, _), (.opaque, _): break
    default: throw error("attributes of what has none", .unsupported)
    }
  }

  /// The storage for a tuple of "storage", class, key, device and count.
  ///
  /// Files of the format before PyTorch 1.6 have a sixth item for a view of another storage.
  mutating func storage(_ identity: PickleGraph.Index) throws -> PickleGraph.Value {
    if let parts = graph.tuple(identity), parts.count > 1, graph.text(parts[0]) == "module" {
      // The class of a whole model, with its source text.
      return graph[parts[1]]
    }
    guard let parts = graph.tuple(identity), 5...6 ~= parts.count,
      graph.text(parts[0]) == "storage", case .global(.storage(let type)) = graph[parts[1]],
      let key = graph.text(parts[2]), case .integer(let count) = graph[parts[4]], count >= 0
    else { throw error("a storage is described wrongly") }
    if parts.count == 6 {
      guard case .none = graph[parts[5]] else {
        throw error("a storage that is a view of another one", .unsupported)
      }
    }
    graph.storages.append(PickleGraph.Storage(key: key, type: type, count: count))
    return .storage(graph.storages.count - 1)
  }

  /// A tensor for storage, offset, sizes, strides, two arguments that do not matter here, and possibly an
  /// element type.
  private mutating func tensor(
    _ arguments: [PickleGraph.Index], argumentCount: ClosedRange<Int>
  ) throws -> PickleGraph.Index {
    guard argumentCount ~= arguments.count, case .storage(let storage) = graph[arguments[0]],
      case .integer(let offset) = graph[arguments[1]], graph.tuple(arguments[2]) != nil,
      graph.tuple(arguments[3]) != nil
    else { throw error("a tensor is described wrongly") }
    var type = graph.storages[storage].type
    if argumentCount.lowerBound == 7 {
      guard case .global(.elementType(let named)) = graph[arguments[6]] else {
        throw error("a tensor's element type is none")
      }
      type = named
    }
    guard var type else { throw error("a tensor lacks its element type") }
    if try isNegated(arguments.dropFirst(argumentCount.lowerBound).first) {
      type = type.inForm("negated")
    }
    return addTensor(
      type, shape: arguments[2],
      .storage(graph.storages[storage], offset: offset, strides: arguments[3]))
  }

  /// Notes a tensor.
  mutating func addTensor(
    _ type: PickleElementType, shape: PickleGraph.Index, _ content: PickleGraph.Tensor.Content
  ) -> PickleGraph.Index {
    graph.tensors.append(PickleGraph.Tensor(type: type, shape: shape, content: content))
    return graph.add(.tensor(graph.tensors.count - 1))
  }

  /// Whether a tensor's last argument says that its numbers are the opposite of those stored.
  private func isNegated(_ facts: PickleGraph.Index?) throws -> Bool {
    guard let facts, let flag = try graph.members(facts)?.first(where: { $0.key == "neg" })?.value
    else { return false }
    if case .bool(true) = graph[flag] { return true }
    return false
  }

  var unknownArguments: CheckpointError {
    error("a call has unknown arguments", .unsupported)
  }

  /// A dict: empty or, as Python 2 wrote it, from a list of pairs.
  private mutating func dictionary(_ arguments: [PickleGraph.Index]) throws -> PickleGraph.Index {
    guard let argument = arguments.first else {
      return graph.add(.dictionary(graph.addItems()))
    }
    guard arguments.count == 1 else { throw unknownArguments }
    switch graph[argument] {
    // The factory of a `defaultdict`.
    case .none, .global, .object: return graph.add(.dictionary(graph.addItems()))
    case .dictionary(let content):
      return graph.add(.dictionary(graph.addItems(try copied(graph.items[content]))))
    case .list(let content):
      var members: [PickleGraph.Index] = []
      for pair in try copied(graph.items[content]) {
        switch graph[pair] {
        case .list(let pair), .tuple(let pair):
          guard graph.items[pair].count == 2 else { throw unknownArguments }
          members += graph.items[pair]
        default: throw unknownArguments
        }
      }
      return graph.add(.dictionary(graph.addItems(members)))
    default: throw unknownArguments
    }
  }

  /// Shares the items, and counts them, so that a pickle cannot copy a long list over and over.
  private mutating func copied(_ items: [PickleGraph.Index]) throws -> [PickleGraph.Index] {
    copyBudget -= items.count
    guard copyBudget >= 0 else { throw error("it copies more items than it has bytes") }
    return items
  }
}
