import Testing
import Torch

@Suite struct OperatorTests {
  @Test func addsWithBroadcasting() {
    let sum = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]) + Tensor([10, 20] as [Float])
    #expect(sum.shape == [2, 2])
    #expect(sum.elements() == [11, 22, 13, 24] as [Float])
  }

  @Test func errorsNameTheOperatorAndItsShapes() throws {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors { _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([4, 5])) }
    }
    let text = try #require(error).description
    #expect(text.contains("aten::matmul([2, 3] float32, [4, 5] float32)"))
    #expect(!text.contains("frame #"))
  }

  @Test func returnsPlaceholdersAfterAnError() throws {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        let broken = Tensor.zeros([2, 3]).matmul(Tensor.zeros([4, 5]))
        #expect(broken.size(1) == 0)
        // An operator that would accept an empty tensor.
        #expect((broken + Tensor.ones([1])).shape == [0])
        #expect((Tensor.ones([2]) + 1).elements(Float.self) == [2, 2])
      }
    }
    #expect(try #require(error).description.contains("[2, 3] float32, [4, 5] float32"))
  }

  @Test func placeholdersHaveZeroSizes() throws {
    let error = #expect(throws: TorchError.self) {
      try withTorchErrors {
        let broken = Tensor.zeros([2, 3]) + Tensor.zeros([4])
        #expect(broken.size(1) == 0 && broken.size3 == (0, 0, 0) && broken.size4 == (0, 0, 0, 0))
        #expect(Tensor.zeros([2, 3, 4]).size3 == (2, 3, 4))
      }
    }
    #expect(try #require(error).operation.contains("aten::add"))
    #expect(Tensor.zeros([2, 3, 4, 5]).size4 == (2, 3, 4, 5))
  }

  @Test func endsTheProgramOnMisuseOutsideAScope() async {
    await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3]) + Tensor.zeros([4]) }
  }

  @Test func reportsAnUnknownOperator() {
    #expect(throws: TorchError.self) { try Operator(finding: "aten::no_such_operator") }
  }

  @Test func passesListsStringsAndDefaults() {
    let parts = Tensor.range(6).reshaped([2, 3]).chunks(3, axis: 1)
    #expect(parts.map { $0.elements(Float.self) } == [[0, 3], [1, 4], [2, 5]])
    #expect(geluTanh(Tensor([0] as [Float])).elements(Float.self) == [0])
    #expect(stacked([Tensor([1, 2]), Tensor([3, 4])], axis: 1).elements() == [1, 3, 2, 4])
  }
}
