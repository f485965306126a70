@testable internal import Models
internal import Testing

@Suite struct NameTableTests {
  private let table = NameTable([
    ("up.~.block.#", "up_blocks.~.resnets.#"), ("q", "layers.#.qkv"), ("k", "layers.#.qkv"),
  ])

  @Test func translatesInBothDirections() throws {
    let own = try #require(table.own("up.3.block.1.conv.weight", of: 4))
    #expect(own.row == 0 && own.name == "up_blocks.0.resnets.1.conv.weight")
    #expect(table.foreign(own.name, of: 4) == ["up.3.block.1.conv.weight"])
  }

  @Test func givesAllPartsOfAParameter() {
    #expect(table.foreign("layers.5.qkv.bias") == ["q.bias", "k.bias"])
    #expect(table.own("k.bias")?.row == 2)
    #expect(table.own("q.bias")?.name == "layers.#.qkv.bias")
  }

  @Test(arguments: [
    "up", "up.a.block.1", "up.01.block.1", "up.1.block.00", "up.1.block", "upper.1.block.1", "",
  ])
  func leavesOtherNamesAlone(_ name: String) {
    #expect(table.own(name) == nil && table.foreign(name).isEmpty)
  }
}
