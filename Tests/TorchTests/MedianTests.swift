internal import Testing
internal import Torch

@Suite struct MedianTests {
  @Test(
    arguments: [([3], 3), ([9, 1], 5), ([5, 1, 9], 5), ([8, 1, 2, 4], 3)] as [([Double], Double)])
  func isTheMiddle(_ values: [Double], _ middle: Double) {
    #expect(median(values) == middle)
  }
}
