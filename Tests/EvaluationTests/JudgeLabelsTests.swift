internal import Testing

@testable internal import Evaluation

@Suite struct JudgeLabelsTests {
  private static func judge(_ names: [String], count: Int? = nil) -> JudgeSummary {
    JudgeSummary(
      classNames: names, classCount: count ?? names.count, trainingCount: 1, heldOutCount: 0,
      heldOutAccuracy: 0, imageDigest: "", settings: JudgeSettings())
  }

  @Test func numbersWithoutNamesAreItsOwnIfAsMany() {
    for judge in [Self.judge(["a", "b", "c"]), Self.judge([], count: 3)] {
      #expect(judge.labels([0, 2, 1, 2], named: nil) == [0, 2, 1, 2])
      #expect(judge.labels([2], named: nil) == [2])
      // Of two classes, of four.
      #expect(judge.labels([0, 1, 0], named: nil) == nil)
      #expect(judge.labels([0, 3, 2], named: nil) == nil)
      #expect(judge.labels([], named: nil) == nil)
      #expect(judge.labels(nil, named: nil) == nil)
    }
  }

  @Test func numbersOutsideAreUnknown() {
    for judge in [Self.judge(["a", "b", "c"]), Self.judge([], count: 3)] {
      for number in [-1, Int.min, 3, Int.max] {
        #expect(judge.labels([0, number, 2], named: nil) == nil)
        #expect(judge.labels([0, number, 2], named: ["a", "b", "c"]) == nil)
      }
    }
  }

  @Test func namesTellWhichNumbersAreMeant() {
    let judge = Self.judge(["a", "b", "c"])
    #expect(judge.labels([0, 1, 1], named: ["c", "a"]) == [2, 0, 0])
    #expect(judge.labels([1], named: ["x", "b", "y", "z"]) == [1])
    #expect(judge.labels([0, 1], named: ["x", "b", "c"]) == nil)
    // A judge without names goes by their number.
    let unnamed = Self.judge([], count: 3)
    #expect(unnamed.labels([0, 1], named: ["x", "y", "z"]) == [0, 1])
    #expect(unnamed.labels([0, 1], named: ["x", "y"]) == nil)
    #expect(unnamed.labels([0, 1], named: ["x", "y", "z", "w"]) == nil)
  }
}
