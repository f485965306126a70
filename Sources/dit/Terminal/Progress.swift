internal import Foundation
internal import Synchronization
internal import Torch

/// Shows progress: a bar on a terminal, else a line every 10 seconds.
final class Progress {
  private let title: String
  private let count: Int
  private let unit: String
  private let isTerminal: Bool
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var rate: RecentRate
  private var lastLine: ContinuousClock.Instant?
  private var isComplete = false

  /// Whether the last line of the terminal is a bar.
  private static let hasOpenBar = Atomic(false)

  /// Least time between plain lines, in seconds.
  private static let lineInterval = 10.0

  /// - Parameters:
  ///   - title: names the work, as "Sampling".
  ///   - count: number of steps.
  ///   - first: steps done before this process started.
  ///   - unit: noun for one step.
  init(_ title: String, count: Int, from first: Int = 0, unit: String = "step") {
    self.title = title
    self.count = count
    self.unit = unit
    isTerminal = isatty(STDERR_FILENO) == 1
    start = clock.now
    rate = RecentRate(from: first, at: 0)
  }

  /// Shows that `done` steps are done.
  ///
  /// - Parameters:
  ///   - done: steps that are done.
  ///   - position: where the work stands, in place of the number of steps.
  ///   - detail: about the last step.
  ///   - rest: seconds that work other than steps will take.
  func update(_ done: Int, position: String? = nil, detail: String = "", rest: Double = 0) {
    rate.add(done, at: start.duration(to: clock.now).inSeconds)
    // The rate is unknown before the first step.
    let pace = rate.secondsPerUnit.map { seconds in
      let left = seconds * Double(count - done) + rest
      return ["\(Progress.seconds(seconds))/\(unit)", "\(Progress.clockTime(left)) left"]
    }
    let text = (["\(title) \(position ?? "\(done)/\(count)")", detail] + (pace ?? []))
      .filter { !$0.isEmpty }.joined(separator: "  ")
    if isTerminal {
      let filled = 24 * done / max(count, 1)
      let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: 24 - filled)
      Progress.write("\r[\(bar)] \(text)\u{1B}[K")
      Progress.hasOpenBar.store(true, ordering: .relaxed)
      if done == count { finish() }
    } else if isDue(done) {
      Progress.write(text + "\n")
      lastLine = clock.now
      isComplete = done == count
    }
  }

  /// Leaves out the time since the last step, in which something else was done.
  func skipPause() { rate.skipPause(until: start.duration(to: clock.now).inSeconds) }

  /// Leaves the bar and starts a new line.
  func finish() { Progress.endBar() }

  /// Starts a new line if the last one is a bar.
  fileprivate static func endBar() {
    guard hasOpenBar.exchange(false, ordering: .relaxed) else { return }
    write("\n")
  }

  private func isDue(_ done: Int) -> Bool {
    // The last line is written once.
    guard done < count, let lastLine else { return !isComplete }
    return lastLine.duration(to: clock.now).inSeconds >= Progress.lineInterval
  }

  private static func write(_ text: String) { StandardError.write(text) }

  /// A duration to three digits: "1.89 s", "12.3 ms".
  static func seconds(_ seconds: Double) -> String {
    if seconds >= 100 { return String(format: "%.0f s", seconds) }
    if seconds >= 1 { return String(format: "%.2f s", seconds) }
    return String(format: "%.1f ms", seconds * 1000)
  }

  /// A duration as "M:SS", or "H:MM:SS" from one hour.
  static func clockTime(_ seconds: Double) -> String {
    let total = Int(seconds.rounded())
    let (hours, minutes) = (total / 3600, total / 60 % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, total % 60)
      : String(format: "%d:%02d", minutes, total % 60)
  }
}

/// Writes a line to standard error, below an open progress bar.
func note(_ text: String) {
  Progress.endBar()
  StandardError.write(text + "\n")
}
