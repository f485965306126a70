internal import Files
internal import Parallel
internal import TestSupport
internal import Testing

@Suite struct RankTableTests {
  /// Two servers with two devices each; the ranks do not follow the order of the table.
  private let table = """
    {"version": "1.0", "server_count": "2", "server_list": [
      {"server_id": "10.0.0.2", "device": [
        {"device_id": "0", "device_ip": "192.1.1.6", "rank_id": "2"},
        {"device_id": "1", "device_ip": "192.1.2.6", "rank_id": "3"}]},
      {"server_id": "10.0.0.1", "host_nic_ip": "reserve", "device": [
        {"device_id": "0", "device_ip": "192.2.1.6", "rank_id": "0"},
        {"device_id": "1", "device_ip": "192.2.2.6", "rank_id": "1"}]}],
    "status": "completed"}
    """

  private func find(
    _ table: String, _ environment: [String: String], ownAddresses: Set<String> = ["10.0.0.2"]
  ) throws -> LaunchedProcess? {
    try withTemporaryFolder { folder in
      let path = folder + "/table.json"
      try AtomicFile.write(table, to: path)
      return try LaunchVariables(
        environment.merging(["RANK_TABLE_FILE": path]) { $1 }, ownAddresses: ownAddresses
      ).process()
    }
  }

  private func refusal(_ table: String, _ environment: [String: String]) -> String {
    let error = #expect(throws: LaunchError.self) { try find(table, environment) }
    return error?.message ?? ""
  }

  @Test func findsTheRankByNumberOrDevice() throws {
    let first = try #require(try find(table, ["RANK_ID": "0", "DEVICE_ID": "0"]))
    #expect((first.rank, first.worldSize, first.storeHost) == (0, 4, "10.0.0.1"))
    #expect(first.servesStore && first.storePort == 29500)
    let here = try #require(try find(table, ["DEVICE_ID": "1", "MASTER_PORT": "4711"]))
    #expect((here.rank, here.localRank, here.storePort) == (3, 1, 4711))
    #expect(
      try find(table, ["DEVICE_ID": "1"], ownAddresses: ["10.0.0.1", "127.0.0.1"])?.rank == 1)
  }

  @Test func readsATableOfAnotherSystem() throws {
    let other = "\u{FEFF}" + table.replacing("\n", with: "\r\n")
    #expect(try find(other, ["RANK_ID": "3"])?.rank == 3)
  }

  @Test func readsVersion12() throws {
    let text = """
      {"version": "1.2", "server_list": [{"server_id": "node-a", "host_ip": "10.0.0.2", "device": [
        {"device_id": "4", "super_device_id": "4", "rank_id": "0"},
        {"device_id": "5", "super_device_id": "5", "rank_id": "1"}]}],
      "super_pod_list": [{"super_pod_id": "0", "server_list": [{"server_id": "node-a"}]}],
      "status": "completed"}
      """
    let found = try #require(try find(text, ["DEVICE_ID": "5"]))
    #expect((found.rank, found.worldSize, found.localRank) == (1, 2, 5))
    #expect(found.storeHost == "127.0.0.1")
  }

  @Test func saysWhatIsWrongWithATable() {
    #expect(refusal("{", ["RANK_ID": "0"]).contains("not a rank table"))
    let other = table.replacing("\"1.0\"", with: "\"2.0\"")
    #expect(refusal(other, ["RANK_ID": "0"]).contains("1.0 and 1.2 are known, not 2.0"))
    let double = table.replacing("\"rank_id\": \"3\"", with: "\"rank_id\": \"2\"")
    #expect(refusal(double, ["RANK_ID": "0"]).contains("not 0, 1, 2, 2"))
    #expect(refusal(table, ["RANK_ID": "4"]).contains("RANK_ID=4"))
    #expect(refusal(table, [:]).contains("RANK_ID and DEVICE_ID are missing"))
    #expect(refusal(table, ["DEVICE_ID": "7"]).contains("no such device on this machine"))
    let contradiction = refusal(table, ["RANK_ID": "0", "DEVICE_ID": "1"])
    #expect(contradiction.contains("RANK_ID=0 and DEVICE_ID=1 contradict each other"))
  }
}
