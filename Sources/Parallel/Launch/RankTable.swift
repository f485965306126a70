internal import Foundation

/// An HCCL rank table, version 1.0 or 1.2: the server and device of each rank.
public struct RankTable: Sendable, Equatable {
  /// One device.
  public struct Device: Sendable, Equatable {
    /// Its rank.
    public let rank: Int
    /// Device number on its server.
    public let id: String
    /// Index of the server in the table.
    public let server: Int
    /// The server's address.
    public let host: String
    /// Rank on its server.
    public let localRank: Int
  }

  /// All devices, by rank.
  public let devices: [Device]
  /// Number of servers.
  public let serverCount: Int
  private let path: String

  private struct File: Decodable {
    let version: String?
    let status: String?
    let server_list: [Server]?
  }
  private struct Server: Decodable {
    let server_id: String
    let host_ip: String?
    let device: [Entry]
  }
  private struct Entry: Decodable {
    let device_id: String
    let rank_id: String
  }

  /// Reads a table.
  ///
  /// - Throws: `LaunchError` that says what is wrong with the file.
  public init(_ path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw LaunchError("the rank table '\(path)' cannot be read")
    }
    let file: File
    do {
      file = try JSONDecoder().decode(File.self, from: data)
    } catch {
      throw LaunchError(
        "'\(path)' is not a rank table: JSON with version, server_list, server_id, device, device_id"
          + " and rank_id, as texts, is expected")
    }
    guard let version = file.version, ["1.0", "1.2"].contains(version) else {
      throw LaunchError(
        "'\(path)': rank tables of version 1.0 and 1.2 are known, not \(file.version ?? "without")")
    }
    guard file.status ?? "completed" == "completed" else {
      throw LaunchError("'\(path)': its status is '\(file.status ?? "")', not 'completed'")
    }
    let servers = file.server_list ?? []
    var devices: [Device] = []
    for (number, server) in servers.enumerated() {
      for (place, entry) in server.device.enumerated() {
        guard let rank = Int(entry.rank_id) else {
          throw LaunchError("'\(path)': rank_id '\(entry.rank_id)' is not a number")
        }
        devices.append(
          Device(
            rank: rank, id: entry.device_id, server: number,
            host: server.host_ip ?? server.server_id, localRank: Int(entry.device_id) ?? place))
      }
    }
    devices.sort { $0.rank < $1.rank }
    guard !devices.isEmpty, devices.map(\.rank) == Array(0..<devices.count) else {
      throw LaunchError(
        "'\(path)': its rank_ids must be 0, 1, ... without gaps or duplicates, not"
          + " \(devices.map { String($0.rank) }.joined(separator: ", "))")
    }
    self.devices = devices
    serverCount = servers.count
    self.path = path
  }

  /// The rank of this process.
  ///
  /// - Parameters:
  ///   - rank: `RANK_ID`.
  ///   - device: `DEVICE_ID`.
  ///   - ownAddresses: this machine's addresses, to find its server.
  /// - Returns: the rank, from 0.
  /// - Throws: `LaunchError` unless exactly one device of the table fits.
  func rank(given rank: Int?, device: String?, ownAddresses: Set<String>) throws -> Int {
    if let rank {
      guard rank < devices.count else {
        throw LaunchError("RANK_ID=\(rank): '\(path)' has ranks 0 to \(devices.count - 1)")
      }
      if let device, devices[rank].id != device {
        throw LaunchError(
          "RANK_ID=\(rank) and DEVICE_ID=\(device) contradict each other: in '\(path)' rank \(rank)"
            + " is device \(devices[rank].id)")
      }
      return rank
    }
    guard let device else {
      throw LaunchError(
        "'\(path)' is a rank table, but RANK_ID and DEVICE_ID are missing; set one of them")
    }
    let here =
      serverCount == 1 ? devices : devices.filter { ownAddresses.contains($0.host) }
    let matching = here.filter { $0.id == device }
    guard matching.count == 1 else {
      throw LaunchError(
        matching.isEmpty
          ? "DEVICE_ID=\(device): '\(path)' has no such device on this machine, whose addresses are"
            + " \(ownAddresses.sorted().joined(separator: ", "))"
          : "DEVICE_ID=\(device) is on several servers of '\(path)' that are this machine; set"
            + " RANK_ID")
    }
    return matching[0].rank
  }
}
