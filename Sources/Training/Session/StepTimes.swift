internal import Foundation
internal import Torch

/// The number and duration of a session's steps.
struct StepTimes {
  /// Steps since the start or resume.
  private(set) var stepCount = 0
  private var seconds = 0.0
  private var waitSeconds = 0.0

  /// Counts a step.
  mutating func add(_ report: StepReport) {
    stepCount += 1
    seconds += report.seconds
    waitSeconds += report.waitSeconds
  }

  /// A sentence about them.
  ///
  /// - Parameters:
  ///   - longestPause: seconds that a save held training up at most.
  ///   - device: its peak memory is told.
  ///   - brokenImageCount: images that could not be read.
  /// - Returns: the sentence.
  func summary(longestPause: Double, device: Device, brokenImageCount: Int) -> String {
    let share = 100 * waitSeconds / max(seconds, .leastNonzeroMagnitude)
    var text = String(
      format: "%d step%@ in %.1f s, of which %.2f s (%.1f %%) waited for data", stepCount,
      stepCount == 1 ? "" : "s", seconds, waitSeconds, share)
    if longestPause > 0 {
      text += String(format: "; saving held it up by %.2f s at most", longestPause)
    }
    if let peak = device.peakMemory() {
      text += String(format: "; at most %.1f GB on %@", Double(peak) / 1e9, device.description)
    }
    if brokenImageCount > 0 { text += "; images that could not be read: \(brokenImageCount)" }
    return text
  }
}
