internal import Checkpoint
internal import Foundation
internal import TestSupport
internal import Testing

/// Pickles that ask for forbidden things, or make no sense.
@Suite struct HostilePickleTests {
  private static let weight = PickleBytes.tensor([2], strides: [1], count: 2)

  private static func file(_ value: [UInt8]) -> [UInt8] {
    ZipBytes.checkpoint(
      pickle: PickleBytes.pickle(value), storage: [UInt8](repeating: 0, count: 8)
    ).bytes
  }

  @Test func refusesToRunACommandAndNamesIt() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/trace"
      let command = PickleBytes.call("posix", "system", [PickleBytes.text("touch \(path)")])
      let value = PickleBytes.dict([("weight", HostilePickleTests.weight), ("x", command)])
      expectFailure(.refused, "'posix.system'", opening: HostilePickleTests.file(value))
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }

  @Test(arguments: [
    ("os", "system"), ("builtins", "eval"), ("__builtin__", "getattr"), ("torch", "load"),
    ("torch.storage", "_load_from_bytes"), ("numpy.core.multiarray", "scalar"),
    ("models", "DiT"), ("collections", "namedtuple"), ("torch.nn.modules.linear", "Linear"),
  ])
  func refusesEveryOtherName(module: String, name: String) {
    let plain = PickleBytes.name(module, name)
    let stacked =
      [0x8C, UInt8(module.utf8.count)] + Array(module.utf8) + [0x8C, UInt8(name.utf8.count)]
      + Array(name.utf8) + [0x93]
    for value in [plain, stacked] {
      expectFailure(.refused, "'\(module).\(name)'", opening: HostilePickleTests.file(value))
    }
  }

  @Test func findsNoTensorsInADictThatContainsItself() {
    for key in ["ema", "model", "other"] {
      let value =
        PickleBytes.emptyDict + PickleBytes.put(0) + PickleBytes.text(key) + PickleBytes.get(0)
        + PickleBytes.setItem
      expectFailure(.noTensors, "'\(key)'", opening: HostilePickleTests.file(value))
    }
  }

  @Test func passesOverAListThatContainsItself() throws {
    let list = PickleBytes.emptyList + PickleBytes.put(0) + PickleBytes.get(0) + PickleBytes.append
    let value = PickleBytes.dict([
      ("class_names", list), ("weight", HostilePickleTests.weight),
    ])
    let found = try open(HostilePickleTests.file(value))
    #expect(found.entries.map(\.name) == ["weight"])
    #expect(found.notes == [.leftOutValues(["class_names"])])
  }

  @Test func readsTenLevelsOfTenReferencesWithoutCopies() throws {
    var levels = PickleBytes.tuple([]) + PickleBytes.put(0)
    for level in 0..<10 as Range<UInt8> {
      let ten = [[UInt8]](repeating: PickleBytes.get(level), count: 10)
      levels += Array("0".utf8) + PickleBytes.tuple(ten) + PickleBytes.put(level + 1)
    }
    for key in ["bomb", "class_names", "model"] {
      let value = PickleBytes.dict([(key, levels), ("weight", HostilePickleTests.weight)])
      #expect(try open(HostilePickleTests.file(value)).entries.map(\.name) == ["weight"])
    }
  }

  @Test func readsNestingOfAnyDepth() {
    let depth = 100_000
    let lists =
      [UInt8](repeating: PickleBytes.emptyList[0], count: depth)
      + [UInt8](repeating: PickleBytes.append[0], count: depth - 1)
    expectFailure(.noTensors, "a list", opening: HostilePickleTests.file(lists))
  }

  @Test func refusesClassNamesThatAreALongTextOverAndOver() {
    let text = PickleBytes.text(String(repeating: "x", count: 100_000)) + PickleBytes.put(0)
    let names = [text] + [[UInt8]](repeating: PickleBytes.get(0), count: 200)
    let value = PickleBytes.dict([
      ("class_names", PickleBytes.list(names)), ("weight", HostilePickleTests.weight),
    ])
    expectFailure(.unsupported, "class_names", opening: HostilePickleTests.file(value))
  }

  @Test func refusesToCopyAListOverAndOver() {
    let pair = PickleBytes.tuple([PickleBytes.none, PickleBytes.none]) + PickleBytes.put(0)
    let pairs = [pair] + [[UInt8]](repeating: PickleBytes.get(0), count: 1000)
    let list = PickleBytes.list(pairs) + PickleBytes.put(1)
    let call =
      PickleBytes.name("collections", "OrderedDict") + PickleBytes.get(1) + [0x85]
      + PickleBytes.reduce
    let calls = [list] + [[UInt8]](repeating: call, count: 100)
    expectFailure(.damaged, "copies", opening: HostilePickleTests.file(PickleBytes.tuple(calls)))
  }

  @Test(arguments: [
    ("lacks its operand", "a"), ("lacks its operand", "s"), ("lacks its operand", "R"),
    ("lacks its operand", "(\u{85}"), ("lacks its operand", "Q"), ("a mark is missing", "t"),
    ("a mark is missing", "}u"), ("a key lacks its value", "}(Nu"), ("other than a dict", "](NNu"),
    ("other than a list", "}(NNe"), ("before it is made", "h\u{7}"),
    ("lacks its operand", "q\u{0}"),
    ("left over", "NN"), ("left over", "("), ("left over", ""), ("no Python name", "N)R"),
    ("described wrongly", ")Q"), ("attributes", "N}b"), ("is not text", "NN\u{93}"),
    ("unknown arguments", "ccollections\nOrderedDict\n(NNtR"),
    ("unknown arguments", "cargparse\nNamespace\n)R"), ("makes none", "ctorch\nSize\n)\u{81}"),
    ("not UTF-8", "\u{8C}\u{1}\u{FF}"), ("instruction 105", "i"), ("protocol 9", "\u{80}\u{9}"),
    ("cut short", "X\u{FF}\u{FF}\u{FF}\u{7F}"),
    ("frame", "\u{95}\u{FF}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"),
    ("absurd size", "\u{8D}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}"),
  ])
  func saysWhatIsWrongWithAPickle(words: String, code: String) throws {
    let bytes = try code.unicodeScalars.map { try #require(UInt8(exactly: $0.value)) }
    let error = try #require(
      #expect(throws: CheckpointError.self) { try open(HostilePickleTests.file(bytes)) })
    #expect(error.message.contains(words), "\(error)")
  }

  @Test func refusesAPickleThatGoesOnAfterItsEnd() {
    let pickle = PickleBytes.pickle(PickleBytes.dict([])) + [0]
    expectFailure(
      .damaged, "after its end", opening: ZipBytes.checkpoint(pickle: pickle).bytes)
  }

  @Test func refusesTwoTensorsOfOneName() {
    let value = PickleBytes.dict([
      ("weight", HostilePickleTests.weight), ("weight", HostilePickleTests.weight),
    ])
    expectFailure(.damaged, "'weight' twice", opening: HostilePickleTests.file(value))
  }
}
