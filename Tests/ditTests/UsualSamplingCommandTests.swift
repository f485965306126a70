internal import Files
internal import TestSupport
internal import Testing

/// `dit convert --sampling`, and what it does to the model.
@Suite struct UsualSamplingCommandTests {
  private static let settings = """
    sampler: heun
    sampling_steps: 2
    guidance_scale: 1.5
    class_labels: [heart, cat]
    """

  @Test func holdsWhereNothingElseIsChosen() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(Self.settings, to: folder + "/usual.yaml")
      let converted = try dit(
        [
          "convert", "--source", SmallModel.dit, "--target", "flow.safetensors", "--family", "sit",
          "--sampling", "usual.yaml",
        ], in: folder)
      #expect(converted.status == 0, "\(converted.errors)")
      func sample(_ arguments: [String]) throws -> String {
        let result = try dit(
          [
            "sample", "--dit-checkpoint", "flow.safetensors", "--vae-checkpoint", "none",
            "--save-latents", "latents", "--force",
          ] + arguments, in: folder)
        #expect(result.status == 0, "\(result.errors)")
        return result.errors
      }
      let usual = try sample([])
      #expect(usual.contains("of 2 images, 2 steps of heun, guidance 1.5"), "\(usual)")
      #expect(usual.contains("sampled as its file says"))
      let chosen = try sample(["--sampler", "euler", "--class-labels", "3"])
      #expect(chosen.contains("of 1 image, 50 steps of euler, guidance 1.5"), "\(chosen)")
      let other = try sample(["--family", "repa"])
      #expect(other.contains("of 10 images"), "\(other)")
      #expect(other.contains("25 steps of heun, guidance 4.0"), "\(other)")
      let again = try dit(
        ["convert", "-s", "flow.safetensors", "-t", "repa.safetensors", "--family", "repa"],
        in: folder)
      #expect(again.status == 0, "\(again.errors)")
      let inspected = try dit(["inspect", "repa.safetensors"], in: folder)
      #expect(!inspected.output.contains("usual_sampling"), "\(inspected.output)")
    }
  }

  @Test(arguments: [
    ("seed: 1", 64, "line 1: 'seed' is no property of a model"),
    ("sampler: magic", 64, "line 1: sampler"), ("sampling_steps: 0", 64, "sampling_steps"),
    ("class_labels: unicorn", 64, "no class is called 'unicorn'"),
    ("sampler: dopri5", 64, "dopri5 does not fit this model"),
  ])
  func refusesOtherSettings(_ text: String, _ status: Int32, _ message: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(text, to: folder + "/usual.yaml")
      let result = try dit(
        [
          "convert", "--source", SmallModel.dit, "--target", "x.safetensors", "--sampling",
          "usual.yaml",
        ], in: folder)
      #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
      #expect(!Folder.exists(folder + "/x.safetensors"))
      let vae = try dit(
        [
          "convert", "--source", SmallModel.vae, "--target", "v.safetensors", "--sampling",
          "usual.yaml",
        ], in: folder)
      #expect(vae.status == 64 && vae.errors.contains("is an autoencoder"), "\(vae.errors)")
    }
  }
}
