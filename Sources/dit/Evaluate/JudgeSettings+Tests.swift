internal import Evaluation
internal import Foundation

extension JudgeSettings {
  /// Images that a judge sees in training, by `DIT_JUDGE_SAMPLES`: tests of what surrounds a judge need no
  /// good one. Not for users: a judge of few images says little.
  static var sampleCountOfTests: Int? {
    ProcessInfo.processInfo.environment["DIT_JUDGE_SAMPLES"].flatMap(Int.init)
  }
}
