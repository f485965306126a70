internal import Torch

/// Where the time of `dit sample` goes, in seconds.
struct SampleTimes {
  /// Reading and packing the model, and all that comes before the first step of a batch.
  var preparing = 0.0
  /// From latents to pixels.
  var decoding = 0.0
  /// Images to files.
  var writing = 0.0
  /// Images that were decoded.
  var imageCount = 0
  /// Whether steps differ in what they compute.
  var isUneven = false
  private var firstSteps: [Double] = []
  private var laterSteps: [Double] = []

  /// Adds the time of work to a part.
  mutating func measure<Result>(
    _ part: WritableKeyPath<SampleTimes, Double>, _ work: () throws -> Result
  ) rethrows -> Result {
    let clock = ContinuousClock()
    let start = clock.now
    defer { self[keyPath: part] += start.duration(to: clock.now).inSeconds }
    return try work()
  }

  /// Adds a step; the first of a batch prepares for the others.
  mutating func addStep(_ seconds: Double, isFirst: Bool) {
    if isFirst { firstSteps.append(seconds) } else { laterSteps.append(seconds) }
  }

  /// The time that some images will take to be decoded; 0 before the first is.
  func decoding(of count: Int) -> Double {
    imageCount > 0 ? (decoding + writing) / Double(imageCount) * Double(count) : 0
  }

  /// The median of the steps, or the mean of uneven ones, without the first of each batch if there are
  /// others.
  var secondsPerStep: Double {
    let steps = laterSteps.isEmpty ? firstSteps : laterSteps
    return isUneven ? steps.reduce(0, +) / Double(max(steps.count, 1)) : median(steps)
  }

  /// The sum of all parts.
  var total: Double { preparing + stepping + decoding + writing }

  private var stepping: Double { (firstSteps + laterSteps).reduce(0, +) }

  /// The total and its parts: "65.6 s: 1.20 s to prepare, 500 steps of 22.3 ms in 11.6 s, ...".
  var summary: String {
    let steps = Amount.of(firstSteps.count + laterSteps.count, "step")
    let parts: [(Double, String)] = [
      (preparing, "to prepare"), (decoding, "to decode"), (writing, "to write files"),
    ]
    let others = parts.map { seconds, work in
      seconds > 0 ? "\(Progress.seconds(seconds)) \(work)" : ""
    }
    let sampling =
      "\(steps) of \(Progress.seconds(secondsPerStep)) in \(Progress.seconds(stepping))"
    let list = [others[0], sampling, others[1], others[2]].filter { !$0.isEmpty }
    return "\(Progress.seconds(total)): \(list.joined(separator: ", "))"
  }
}
