internal import Checkpoint
internal import Testing

/// Python objects in PyTorch files, which are described and never made.
@Suite struct PickledObjectTests {
  private static let weight = PickleBytes.tensor([2], strides: [1], count: 2)
  private static let newObject: [UInt8] = [0x81]
  private static let build: [UInt8] = Array("b".utf8)

  private static func file(_ members: [(String, [UInt8])]) -> [UInt8] {
    ZipBytes.checkpoint(
      pickle: PickleBytes.pickle(PickleBytes.dict(members)),
      storage: [UInt8](repeating: 0, count: 8)
    ).bytes
  }

  @Test func parametersLoseTheirAttributes() throws {
    let attributes = PickleBytes.dict([("tag", PickleBytes.text("x"))])
    let hooks = PickleBytes.call("collections", "OrderedDict", [])
    let parameters = [
      PickleBytes.call("torch._utils", "_rebuild_parameter", [weight, [0x88], hooks]),
      PickleBytes.call(
        "torch._utils", "_rebuild_parameter_with_state", [weight, [0x88], hooks, attributes]),
      PickleBytes.call(
        "torch._tensor", "_rebuild_from_type_v2",
        [
          PickleBytes.name("torch._utils", "_rebuild_parameter"),
          PickleBytes.name("torch.nn.parameter", "Parameter"),
          PickleBytes.tuple([weight, [0x88], hooks]), attributes,
        ]),
      weight + attributes + build,
    ]
    for parameter in parameters {
      let opened = try open(Self.file([("weight", parameter)]))
      #expect(opened.entries.map(\.name) == ["weight"] && opened.notes.isEmpty)
      #expect(opened.entries.map(\.shape) == [[2]])
    }
  }

  private var weight: [UInt8] { Self.weight }
  private var build: [UInt8] { Self.build }

  @Test func whatStandsBesideTheWeightsIsNamed() throws {
    let state = PickleBytes.dict([("a", PickleBytes.integer(1))])
    let text = PickleBytes.text("x")
    let objects: [[UInt8]] = [
      // A NumPy scalar, a path, an object with attributes, a dict and a list of their own classes.
      PickleBytes.call(
        "numpy._core.multiarray", "scalar",
        [PickleBytes.call("numpy", "dtype", [text]), PickleBytes.call("_codecs", "encode", [text])]),
      PickleBytes.call("pathlib", "PosixPath", [text, text]),
      PickleBytes.name("train", "Config") + PickleBytes.emptyTuple + Self.newObject + state + build,
      PickleBytes.name("omegaconf", "DictConfig") + PickleBytes.emptyTuple + Self.newObject + text
        + PickleBytes.none + PickleBytes.setItem,
      PickleBytes.name("train", "Names") + PickleBytes.emptyTuple + Self.newObject + text
        + PickleBytes.append,
      // An object of keyword arguments (protocol 4), a class, and the result of a result.
      PickleBytes.name("train", "Config") + PickleBytes.emptyTuple + PickleBytes.emptyDict + [0x92],
      PickleBytes.name("train", "Config"),
      PickleBytes.call("functools", "partial", [PickleBytes.name("train", "f")])
        + PickleBytes.emptyTuple + PickleBytes.reduce,
    ]
    for object in objects {
      let state = PickleBytes.dict([("weight", weight), ("y", object)])
      let opened = try open(Self.file([("model", state), ("x", object), ("n", text)]))
      #expect(opened.entries.map(\.name) == ["weight"])
      #expect(
        opened.notes == [
          .tookStateDict(keys: ["model"], isAveraged: false, leftOut: ["x"]),
          .leftOutValues(["y"]),
        ])
      #expect(opened.metadata == ["n": "x"])
    }
  }

  @Test func aDictOfAnotherClassIsADict() throws {
    let members = PickleBytes.text("weight") + weight + PickleBytes.setItem
    let state =
      PickleBytes.name("addict", "Dict") + PickleBytes.emptyTuple + Self.newObject + members
    #expect(try open(Self.file([("model", state)])).entries.map(\.name) == ["weight"])
    let bytes = ZipBytes.checkpoint(
      pickle: PickleBytes.pickle(state), storage: [UInt8](repeating: 0, count: 8)
    ).bytes
    #expect(try open(bytes).entries.map(\.name) == ["weight"])
  }

  @Test func aWholeModelIsNamed() {
    let model =
      PickleBytes.name("models", "DiT") + PickleBytes.emptyTuple + Self.newObject
      + PickleBytes.dict([("_parameters", PickleBytes.dict([("weight", weight)]))]) + build
    expectFailure(.refused, "'models.DiT'", opening: Self.file([("model", model)]))
  }

  @Test func readsTheInstructionsOfObjects() throws {
    // A text of Python 2, a number of 200 bytes, bytes that change, two of one value, and a tuple that
    // was dropped.
    let values: [[UInt8]] = [
      [0x55, 1, 0x61], [0x54, 1, 0, 0, 0, 0xFF],
      [0x8B, 200, 0, 0, 0] + [UInt8](repeating: 1, count: 200),
      [0x96, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2], PickleBytes.none + [0x32, 0x30],
      PickleBytes.mark + PickleBytes.none + [0x31] + PickleBytes.none,
    ]
    for value in values {
      let opened = try open(Self.file([("x", value), ("weight", weight)]))
      #expect(opened.entries.map(\.name) == ["weight"])
    }
  }

  @Test func negatedNumbersAreNotTakenForTheirOpposites() throws {
    let facts = PickleBytes.dict([("neg", [0x88])])
    let tensor = PickleBytes.call(
      "torch._utils", "_rebuild_tensor_v2",
      [
        PickleBytes.storage(count: 2), PickleBytes.integer(0),
        PickleBytes.tuple([PickleBytes.integer(2)]),
        PickleBytes.tuple([PickleBytes.integer(1)]), [0x89],
        PickleBytes.call("collections", "OrderedDict", []), facts,
      ])
    let opened = try open(Self.file([("x", tensor), ("weight", weight)]))
    #expect(opened.entries.map(\.name) == ["weight"] && opened.foreign.map(\.name) == ["x"])
  }
}
