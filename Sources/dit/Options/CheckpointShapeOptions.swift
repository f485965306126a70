internal import ArgumentParser

/// What some checkpoints leave open about their model.
struct CheckpointShapeOptions: ParsableArguments {
  @Option(help: "Height and width in pixels; needed if the checkpoint does not tell, else checked.")
  var imageSize: Int?
  @Option(help: "Attention heads; needed if the checkpoint does not tell, else checked.")
  var numHeads: Int?
  @Option(
    help: """
      Classes, without the null class; needed if the model has no null class and the checkpoint does \
      not tell, else checked.
      """)
  var numClasses: Int?

  func validate() throws {
    try Bounds.imageSizes.check(imageSize, "--image-size")
    try Bounds.modelCounts.check(numHeads, "--num-heads")
    try Bounds.from(1, to: 1_000_000).check(numClasses, "--num-classes")
  }
}
