internal import ArgumentParser
internal import Diffusion

/// What a model's times and outputs mean, where its file does not tell.
struct FamilyOptions: ParsableArguments {
  @Option(
    help: """
      What the checkpoint's numbers mean: auto, dit, sit, repa, lightningdit, meanflow or meansit (default: \
      auto, by what the file tells).
      """)
  var family = FamilyArgument(nil)
  @Option(help: "The path of a flow: linear, gvp or vp (default: the file's, else linear).")
  var path: FlowPath.Shape?
  @Option(
    help: """
      What a flow predicts: velocity, noise, score or x0 (default: the file's, else velocity).
      """)
  var prediction: Flow.Prediction?
}
