internal import Pipeline

extension LabelChoice {
  /// A choice by the options or by the record of a job.
  ///
  /// - Parameters:
  ///   - list: the classes to choose from, or a record's description of a choice; nil for all.
  ///   - isDrawn: whether to draw classes by the seed rather than take them in turn; nil to draw them
  ///     unless they are listed.
  ///   - names: of the model's classes.
  /// - Throws: `PipelineError` for an unknown class.
  init(_ list: String?, isDrawn: Bool?, _ names: ClassNames) throws {
    guard let list else {
      self.init(isDrawn: isDrawn ?? true)
      return
    }
    if let (list, wasDrawn) = LabelChoice.parts(ofDescription: list) {
      self.init(try list.map(names.labels), isDrawn: isDrawn ?? wasDrawn)
    } else {
      self.init(try names.labels(from: list), isDrawn: isDrawn ?? false)
    }
  }
}
