internal import Checkpoint
internal import Testing

/// Tensors that do not lie in their storages.
@Suite struct HostileTensorTests {
  /// A file of one tensor and a storage of two float32 numbers.
  private static func file(_ tensor: [UInt8]) -> [UInt8] {
    let pickle = PickleBytes.pickle(PickleBytes.dict([("weight", tensor)]))
    return ZipBytes.checkpoint(pickle: pickle, storage: [UInt8](repeating: 0, count: 8)).bytes
  }

  @Test(arguments: [
    ([3], [1], 0), ([2], [2], 0), ([1], [1], 2), ([2], [1], 1), ([2], [1], -1), ([-1], [1], 0),
    ([-1, -2], [2, 1], 0), ([2], [-1], 1), ([1], [-1], 0), ([2], [], 0), ([], [1], 0),
    ([], [], 2), ([Int.max], [1], 0), ([Int.max, Int.max], [0, 0], 0), ([1 << 40], [0], 0),
    ([2], [Int.max], 0), ([3], [Int.max], 0), ([1], [1], Int.max), ([1], [1], Int.min),
    ([0, Int.max, Int.max], [0, 0, 0], 0),
    ([Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65), 0),
  ])
  func refusesATensorOutsideItsStorage(shape: [Int], strides: [Int], offset: Int) {
    let tensor = PickleBytes.tensor(shape, strides: strides, offset: offset, count: 2)
    expectFailure(.damaged, "'weight'", "8 bytes", opening: HostileTensorTests.file(tensor))
  }

  @Test(arguments: [
    ([2], [1], 0, [1], 8), ([1, 1], [1 << 40, 1], 1, [1, 1], 4), ([3, 2], [0, 1], 0, [0, 1], 8),
    ([0, 5], [9, 1], 1 << 40, [5, 1], 0), ([], [], 1, [], 4),
  ])
  func acceptsATensorInsideItsStorage(
    shape: [Int], strides: [Int], offset: Int, read: [Int], byteCount: Int
  ) throws {
    let tensor = PickleBytes.tensor(shape, strides: strides, offset: offset, count: 2)
    let entry = try #require(try open(HostileTensorTests.file(tensor)).entries.first)
    #expect(entry.shape == shape && entry.strides == read && entry.byteCount == byteCount)
  }

  @Test(arguments: [1, 3, 0, 1 << 62, Int.max])
  func refusesAStorageOfAnotherSize(count: Int) {
    let tensor = PickleBytes.tensor([1], strides: [1], count: count)
    expectFailure(
      .damaged, "8 bytes", "\(count) elements", opening: HostileTensorTests.file(tensor))
  }

  @Test func refusesAMissingStorage() {
    for key in ["1", "../data.pkl", ""] {
      let tensor = PickleBytes.tensor(
        storage: PickleBytes.storage(key: key, count: 2), offset: PickleBytes.integer(0),
        shape: PickleBytes.tuple([]), strides: PickleBytes.tuple([]))
      expectFailure(.damaged, "storage '\(key)'", opening: HostileTensorTests.file(tensor))
    }
  }

  @Test func refusesATensorThatIsDescribedWrongly() {
    let sound = [
      PickleBytes.storage(count: 2), PickleBytes.integer(0), PickleBytes.tuple([]),
      PickleBytes.tuple([]), PickleBytes.none, PickleBytes.none,
    ]
    for index in 0..<4 {
      var arguments = sound
      arguments[index] = PickleBytes.emptyList
      let tensor = PickleBytes.call("torch._utils", "_rebuild_tensor_v2", arguments)
      expectFailure(.damaged, "described wrongly", opening: HostileTensorTests.file(tensor))
    }
    expectFailure(
      .damaged, "described wrongly",
      opening: HostileTensorTests.file(PickleBytes.storage(count: -1)))
  }

  @Test func listsATensorOfATypeThatIsNotComputedIn() throws {
    let tensor = PickleBytes.tensor(
      storage: PickleBytes.storage("ComplexFloatStorage", count: 1),
      offset: PickleBytes.integer(0), shape: PickleBytes.tuple([]), strides: PickleBytes.tuple([]))
    let file = try open(HostileTensorTests.file(tensor))
    #expect(file.entries.isEmpty && file.notes.count == 1)
    #expect(file.foreign.map(\.type) == ["complex64"] && file.foreign.map(\.byteCount) == [8])
    #expect(file.notes[0].description.contains("complex64"))
  }
}
