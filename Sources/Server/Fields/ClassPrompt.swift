internal import Files
internal import HTTPTypes
internal import Pipeline

/// Finds the class that a prompt stands for.
struct ClassPrompt {
  /// Characters of a prompt; ImageNet's longest name has 121.
  static let limit = 500

  private let classNames: ClassNames

  init(_ classNames: ClassNames) { self.classNames = classNames }

  /// The class of a number, or of a text: a number, a name or a synonym.
  ///
  /// - Throws: `APIError` for no class and for several, with the nearest names.
  func label(of prompt: JSON) throws(APIError) -> Int {
    switch prompt {
    case .string(let text): return try label(of: text)
    default:
      guard let number = prompt.integer else {
        throw .invalid("prompt", "prompt has to be the name or the number of a class")
      }
      return try label(of: String(number))
    }
  }

  private func label(of text: String) throws(APIError) -> Int {
    guard text.count <= ClassPrompt.limit else {
      throw .invalid(
        "prompt",
        "prompt has \(text.count) characters: it has to be the name or the number of a class")
    }
    let labels: [Int]
    do {
      labels = try classNames.labels(from: text)
    } catch let error as PipelineError {
      throw APIError(.badRequest, "unknown_class", error.message, parameter: "prompt")
    } catch {
      throw .invalid("prompt", "prompt has to be the name or the number of a class")
    }
    guard let label = labels.first, labels.count == 1 else {
      let names = labels.prefix(10).map { "\($0) (\(classNames.name(of: $0)))" }
      throw APIError(
        .badRequest, "ambiguous_class",
        "prompt names \(labels.count) classes: \(names.joined(separator: ", ")); a request draws one",
        parameter: "prompt")
    }
    return label
  }
}
