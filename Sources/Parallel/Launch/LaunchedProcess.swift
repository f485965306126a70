/// A process's place among those that a launcher started.
public struct LaunchedProcess: Sendable, Equatable {
  /// What started it, for the user's eyes.
  public var launcher: String
  /// Its number, from 0; nil if numbers are given out as processes come.
  public var rank: Int?
  /// How many processes there are.
  public var worldSize: Int
  /// Its number among the processes of its machine, from 0: the device that it takes.
  public var localRank: Int
  /// The machine that serves the store through which all meet.
  public var storeHost: String
  /// Where it listens.
  public var storePort: Int
  /// Whether this process is the one that serves it.
  public var servesStore: Bool
  /// Whether the store is served by the launcher, and not by rank 0.
  public var isStoreApart = false
  /// What the keys of this job begin with.
  public var storePrefix = ""
  /// Whether it only serves the store, beside the ranks.
  public var isScheduler = false

  /// A process of several.
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

  /// Where rank 0 listens if nobody says.
  static let defaultPort = 29500
}
