@testable internal import Parallel
internal import Testing

@Suite struct NetworkTests {
  /// The address of a rank beside rank 0, whose name means 127.0.0.1 there.
  private func address(_ own: String, _ others: [String]) -> String {
    Network.reachable(own, from: { others }, way: { "on the way to \($0)" })
  }

  @Test func offersNoLoopbackAddressToOtherMachines() {
    let found = "on the way to 10.0.0.2"
    #expect(address("127.0.0.1", ["127.0.1.1", "10.0.0.2", "10.0.0.3"]) == found)
    #expect(address("::1", ["10.0.0.2"]) == found)
    #expect(address("127.0.0.1", ["127.0.0.1", "::1"]) == "127.0.0.1")
    #expect(address("10.0.0.2", ["127.0.0.1", "10.0.0.3"]) == "10.0.0.2")
  }

  @Test func asksOthersOnlyWhereItMatters() {
    struct Asked: Error {}
    #expect(throws: Never.self) { try Network.reachable("10.0.0.2", from: { throw Asked() }) }
  }

  @Test func findsTheWayToItself() {
    #expect(Network.address(towards: "127.0.0.1") == "127.0.0.1")
  }
}
