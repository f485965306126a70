internal import ImageData
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct BicubicResizeTests {
  @Test(arguments: [
    "16x16.28x28", "31x23.14x14", "24x24.24x17", "9x30.40x30", "64x48.7x5", "1x1.3x3", "5x4.5x4",
  ])
  func bytesAreThoseOfPillow(_ name: String) throws {
    let values = try GoldenValues("resize")
    let (old, new) = (values[name + ".old"], values[name + ".new"])
    let images = stacked([old, old.flipped(axes: [0]), old])
    let resized = try RGBImage.resizedAsPillow(images, height: new.size(0), width: new.size(1))
    #expect(resized.shape == [3] + new.shape)
    #expect(resized[0].elements(UInt8.self) == new.elements(UInt8.self))
    #expect(resized[2].elements(UInt8.self) == new.elements(UInt8.self))
    #expect(resized[1].flipped(axes: [0]).shape == new.shape)
  }

  @Test func stopsBetweenImages() throws {
    let images = Tensor.zeros([4, 8, 8, 3], dtype: .uint8)
    try expectStops(least: 4) {
      try RGBImage.resizedAsPillow(images, height: 4, width: 4, check: $0)
    }
  }

  @Test func viewsOfImagesAreReadInTheirOrder() throws {
    let values = try GoldenValues("resize")
    let (old, new) = (values["31x23.14x14.old"], values["31x23.14x14.new"])
    let view = old.permuted([2, 0, 1]).contiguous.permuted([1, 2, 0]).expandingDims(at: 0)
    let resized = try RGBImage.resizedAsPillow(view, height: 14, width: 14)
    #expect(resized[0].elements(UInt8.self) == new.elements(UInt8.self))
  }
}
