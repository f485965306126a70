/// A process's place in a launched job.
public struct LaunchedProcess: Sendable, Equatable {
  /// Name of the launcher, for messages.
  public var launcher: String
  /// Rank from 0; nil if ranks are assigned in order of arrival.
  public var rank: Int?
  /// Number of ranks.
  public var worldSize: Int
  /// Rank on its machine, from 0: its device.
  public var localRank: Int
  /// Host of the rendezvous store.
  public var storeHost: String
  /// Where the host was found, for messages: an environment variable or a file.
  public var hostSource = "MASTER_ADDR"
  /// Port of the store.
  public var storePort: Int
  /// Whether this process serves the store.
  public var servesStore: Bool
  /// Whether the launcher serves the store, not rank 0.
  public var isStoreApart = false
  /// Prefix of this job's keys.
  public var storePrefix = ""
  /// Whether it only serves the store and is not a rank.
  public var isScheduler = false
  /// The environment variables that say so.
  public var variables: [Variable] = []

  /// An environment variable.
  public struct Variable: Sendable, Equatable {
    /// Its name.
    public let name: String
    /// Its value.
    public let value: String

    /// A variable.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Which process this is, and by which variables: "rank 0 of 2 by RANK=0, WORLD_SIZE=2".
  var place: String {
    let name = isScheduler ? "the scheduler of" : rank.map { "rank \($0) of" } ?? "a rank of"
    let list = variables.map { "\($0.name)=\($0.value)" }.joined(separator: ", ")
    return "\(name) \(worldSize)" + (list.isEmpty ? "" : " by \(list)")
  }

  /// A process of a job.
  public init(
    launcher: String, rank: Int?, worldSize: Int, localRank: Int, storeHost: String, storePort: Int,
    servesStore: Bool
  ) {
    self.launcher = launcher
    self.rank = rank
    self.worldSize = worldSize
    self.localRank = localRank
    self.storeHost = storeHost
    self.storePort = storePort
    self.servesStore = servesStore
  }

  /// Default port of rank 0.
  static let defaultPort = 29500
}
