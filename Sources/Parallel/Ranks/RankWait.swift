/// What a process of a job waits for before the job begins. The description is one line.
public struct RankWait: Sendable, Equatable, CustomStringConvertible {
  /// The place of this process.
  public let process: LaunchedProcess
  /// The ranks that have not joined; nil if nothing answers where all ranks meet.
  public let missing: [Int]?

  /// A wait.
  public init(process: LaunchedProcess, missing: [Int]?) {
    self.process = process
    self.missing = missing
  }

  /// Who is awaited and where, and which process this is by which variables.
  public var description: String {
    "waiting for \(awaited); this process is \(process.place)"
  }

  private var awaited: String {
    let place = "\(process.storeHost):\(process.storePort)"
    guard let missing else {
      let server = process.isStoreApart ? "the launcher" : "rank 0"
      return "\(server), which does not listen at \(place) yet"
    }
    let shown = missing.prefix(RankWait.shownCount).map(String.init)
    let rest = missing.count - shown.count
    let list = (shown + (rest > 0 ? ["and \(rest) more"] : [])).joined(separator: ", ")
    return missing.count == 1
      ? "rank \(list), which has not joined at \(place)"
      : "ranks \(list), which have not joined at \(place)"
  }

  /// The most ranks that are named.
  private static let shownCount = 8
}
