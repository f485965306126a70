internal import Pipeline

/// What `dit sample --list-classes` prints.
struct ClassListing {
  private let settings: SamplingSettings

  init(_ settings: SamplingSettings) { self.settings = settings }

  /// Prints each class of the model: number, tab, name.
  func run() throws {
    let device = try settings.pipeline.openDevice()
    let pipeline = try LatentDiffusionPipeline(settings.pipeline, on: device)
    let classes = pipeline.classNames
    guard let names = classes.names else {
      throw UsageError(
        "the model has no names for its classes: their numbers are 0 to \(classes.count - 1)")
    }
    for (number, name) in names.enumerated() { print("\(number)\t\(name)") }
  }
}
