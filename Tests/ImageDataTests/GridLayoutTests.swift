internal import ImageData
internal import Testing

@Suite struct GridLayoutTests {
  @Test(arguments: [
    (4, 6, 4, 6), (2, 2, 2, 2), (16, 16, 16, 16), (1, 6, 2, 3), (8, 1, 3, 3), (3, 17, 6, 9),
    (2, 50, 8, 13), (100, 2, 13, 16), (17, 3, 6, 9),
  ])
  func keepsClassesApart(_ classes: Int, _ images: Int, _ rows: Int, _ columns: Int) {
    let layout = GridLayout(groupCount: classes, groupSize: images)
    #expect((layout.rows, layout.columns) == (rows, columns))
    let places = (0..<classes * images).map { layout.place(of: $0) }
    #expect(places.allSatisfy { (0..<rows).contains($0.row) && (0..<columns).contains($0.column) })
    #expect(Set(places.map { $0.row * columns + $0.column }).count == classes * images)
    guard classes > 1, images > 1 else { return }
    for first in stride(from: 0, to: classes * images, by: images) {
      let place = places[first]
      #expect(images > 16 || places[first..<first + images].allSatisfy { $0.row == place.row })
    }
    #expect(layout.hasRowForEachGroup == (classes <= 16 && images <= 16))
  }

  @Test func putsImagesWhereTheyBelong() {
    let images = (0..<6).map {
      RGBImage(width: 1, height: 1, pixels: [UInt8](repeating: UInt8($0), count: 3))
    }
    let grid = ImageGrid.grid(images, GridLayout(groupCount: 2, groupSize: 3))
    #expect((grid.width, grid.height) == (11, 8))
    func gray(_ x: Int, _ y: Int) -> UInt8 { grid.pixels[3 * (y * grid.width + x)] }
    #expect((0..<6).map { gray(2 + 3 * ($0 % 3), 2 + 3 * ($0 / 3)) } == [0, 1, 2, 3, 4, 5])
    #expect(grid.pixels.count { $0 == 255 } == 3 * (11 * 8 - 6))
    let wide = ImageGrid.grid(images, columns: 6)
    #expect((wide.width, wide.height) == (20, 5))
    let plain = ImageGrid.grid(images)
    #expect((plain.width, plain.height) == (11, 8))
  }
}
