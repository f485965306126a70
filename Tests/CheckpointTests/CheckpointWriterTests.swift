@testable internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct CheckpointWriterTests {
  private static let metadata = [
    "class_names": "[\"clock\",\"café 🦈\"]", "num_heads": "3", "nothing": "",
  ]

  /// Tensors of all types that all formats have, some with special values and layouts.
  private static func tensors() -> [(name: String, tensor: Tensor)] {
    let matrix = Tensor(
      [1, -0.0, .nan, .infinity, 5, .leastNonzeroMagnitude] as [Float], shape: [2, 3])
    let types = DType.allCases.filter { $0.mindSporeName != nil }
    return types.map { ("types.\($0)", matrix.transposed().to($0)) } + [
      ("none", .zeros([0, 3])), ("empty", .zeros([0])), ("number", Tensor(scalar: 2.5)),
      ("one", Tensor([7 as Float])), ("block", .range(99)[3..<90]), ("é \"quoted\"", .ones([2])),
    ]
  }

  @Test(arguments: CheckpointFormat.allCases, CheckpointFormat.allCases)
  func keepsEveryBitFromFormatToFormat(first: CheckpointFormat, second: CheckpointFormat) throws {
    try withTemporaryFolder { folder in
      let tensors = CheckpointWriterTests.tensors()
      let records = try CheckpointWriter.write(
        tensors, as: first, metadata: CheckpointWriterTests.metadata, to: folder + "/first")
      let middle = try Checkpoint.open(folder + "/first")
      #expect(middle.format == first && middle.notes == [])
      let again = try CheckpointWriter.write(
        middle.entries.compactMap { entry in middle.tensor(entry.name).map { (entry.name, $0) } },
        as: second, metadata: middle.metadata, to: folder + "/second")
      let last = try Checkpoint.open(folder + "/second")
      #expect(last.format == second && last.notes == [])
      #expect(last.metadata == CheckpointWriterTests.metadata)
      #expect(last.entries.count == tensors.count)
      #expect(again.sorted { $0.name < $1.name } == records.sorted { $0.name < $1.name })
      for (name, tensor) in tensors {
        let copy = try #require(last.tensor(name))
        #expect(copy.shape == tensor.shape && copy.dtype == tensor.dtype)
        let bytes = tensor.contiguous.withUnsafeBytes { Array($0) }
        #expect(copy.contiguous.withUnsafeBytes { Array($0) } == bytes, "\(name)")
      }
      try CheckpointWriter.verify(folder + "/second", against: records)
    }
  }

  @Test(arguments: [CheckpointFormat.safetensors, .pytorch])
  func writesEightBitFloats(format: CheckpointFormat) throws {
    try withTemporaryFolder { folder in
      let tensors: [(name: String, tensor: Tensor)] = [
        ("a", Tensor([1, 2, 3.5] as [Float]).to(.float8e4m3)),
        ("b", Tensor([1, 2, 4] as [Float]).to(.float8e5m2)),
      ]
      let records = try CheckpointWriter.write(tensors, as: format, to: folder + "/file")
      try CheckpointWriter.verify(folder + "/file", against: records)
      #expect(records.map(\.dtype) == [.float8e4m3, .float8e5m2])
    }
  }

  @Test(arguments: CheckpointFormat.allCases, [DType.float32, .bfloat16, .float16])
  func convertsOnlyFloatingPointNumbers(format: CheckpointFormat, type: DType) throws {
    try withTemporaryFolder { folder in
      let values = Tensor([1, 0.1, -3e4] as [Float])
      try CheckpointWriter.write(
        [("a", values), ("b", Tensor([1, 2] as [Int64]))], as: format, floatType: type,
        to: folder + "/file")
      let file = try Checkpoint.open(folder + "/file")
      let copy = try #require(file.tensor("a"))
      #expect(copy.dtype == type)
      #expect(copy.elements(Float.self) == values.to(type).elements(Float.self))
      #expect(file.tensor("b")?.dtype == .int64)
    }
  }

  @Test func writesWideFieldsThatItReads() throws {
    try withTemporaryFolder { folder in
      let tensors = CheckpointWriterTests.tensors().map {
        OutgoingTensor($0.name, $0.tensor, floatType: nil)
      }
      // The limits from which numbers take 64 bits: 1, the middle of the file, its end.
      for limit in [1, 64, 2000, 4000] {
        var records: [CheckpointWriter.Record] = []
        try PyTorchWriter.write(tensors, [:], to: folder + "/file", narrowLimit: limit) {
          records.append(.init(name: $0.name, dtype: $0.dtype, shape: $0.shape, checksum: $1))
        }
        try CheckpointWriter.verify(folder + "/file", against: records)
      }
    }
  }

  @Test func alignsStorages() throws {
    try withTemporaryFolder { folder in
      try CheckpointWriter.write(
        CheckpointWriterTests.tensors(), as: .pytorch, to: folder + "/file")
      for entry in try Checkpoint.open(folder + "/file").entries {
        #expect(entry.byteOffset.isMultiple(of: 64), "\(entry.name)")
      }
    }
  }

  @Test func cutsLongTensorsForMindSpore() throws {
    try withTemporaryFolder { folder in
      let tensor = OutgoingTensor("long", .range(100), floatType: nil)
      var record: CheckpointWriter.Record?
      // Not a multiple of an element's size.
      try MindSporeWriter.write([tensor], [:], to: folder + "/file", contentLimit: 150) {
        record = .init(name: $0.name, dtype: $0.dtype, shape: $0.shape, checksum: $1)
      }
      #expect(try Checkpoint.open(folder + "/file").entries.map(\.continuation.count) == [2])
      try CheckpointWriter.verify(folder + "/file", against: [try #require(record)])
    }
  }

  @Test func noticesADifferenceFromWhatItWrote() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/file"
      let records = try CheckpointWriter.write(
        [("a", .ones([2])), ("b", .zeros([2]))], as: .mindspore, to: path)
      var bytes = try content(of: path)
      bytes[bytes.count - 1] ^= 1
      try bytes.withUnsafeBytes { try AtomicFile.write(contentsOf: $0, to: path) }
      for records in [records, [records[0]], records + records] {
        #expect(throws: CheckpointError.self) {
          try CheckpointWriter.verify(path, against: records)
        }
      }
    }
  }

  @Test func leavesNothingWhenItFails() throws {
    try withTemporaryFolder { (folder: String) throws in
      let two: [(name: String, tensor: Tensor)] = [("a", .ones([2])), ("b", .ones([2]))]
      let twice = [two[0], two[0]]
      let foreign: [(name: String, tensor: Tensor)] = [("a", Tensor.ones([2]).to(.float8e5m2))]
      for format in CheckpointFormat.allCases {
        #expect(throws: CancellationError.self) {
          try CheckpointWriter.write(two, as: format, to: folder + "/file") { count in
            if count == 1 { throw CancellationError() }
          }
        }
        #expect(throws: CheckpointError.self) {
          try CheckpointWriter.write(twice, as: format, to: folder + "/file")
        }
      }
      #expect(throws: CheckpointError.self) {
        try CheckpointWriter.write(foreign, as: .mindspore, to: folder + "/file")
      }
      #expect(throws: CheckpointError.self) {
        try CheckpointWriter.write(two, as: .mindspore, metadata: ["a": ""], to: folder + "/file")
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(names.isEmpty)
    }
  }
}
