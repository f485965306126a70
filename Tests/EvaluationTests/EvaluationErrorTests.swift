import Evaluation
import Testing

struct EvaluationErrorTests {
  @Test("An error reads as its message")
  func message() {
    #expect("\(EvaluationError(.noImages, "'a.npz' has no images"))" == "'a.npz' has no images")
  }
}
