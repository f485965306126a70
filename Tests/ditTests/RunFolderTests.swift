internal import Checkpoint
internal import Pipeline
internal import Files
internal import Foundation
internal import ImageData
internal import TestSupport
internal import Testing

/// The folder of a run in the place of a checkpoint, and what a run takes from it.
@Suite struct RunFolderTests {
  private let small = [
    "--vae-checkpoint", "none", "--train-batch-size", "4", "--step-mode", "--max-steps", "1",
  ]

  @Test func standsForItsLastCheckpoint() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let first = try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(first.status == 0, "\(first.errors)")
      for text in [
        "4 a step, 1 step,", "1 step in ", "54.6 thousand parameters, 12.6 MFLOP a step",
      ] {
        #expect(first.errors.contains(text), "\(first.errors)")
      }
      for name in ["run", "run/", "run/checkpoints"] {
        let result = try dit(["inspect", name], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("run/checkpoints/latest/ema.safetensors"))
      }
      let sample = try dit(
        [
          "sample", "--dit-checkpoint", "run", "--vae-checkpoint", "none", "--class-labels", "red",
          "--sampling-steps", "1",
        ], in: folder)
      #expect(sample.status == 0, "\(sample.errors)")

      // The size of images is the checkpoint's, not 256.
      let start = ["train", "--data-path", "images", "--dit-checkpoint", "run"] + small
      let second = try dit(start + ["--output-path", "second"], in: folder)
      #expect(second.status == 0, "\(second.errors)")
      let other = try dit(start + ["--image-size", "32"], in: folder)
      #expect(other.status == 64)
      // After one step the EMA is still to 18 % the weights from before it.
      #expect(other.errors.contains("image size 32: 'run/checkpoints/latest/model.safetensors' is"))
      #expect(other.errors.contains("for images of 16 x 16 pixels"), "\(other.errors)")
    }
  }

  @Test func namesTheClassesOfATable() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try FileManager.default.moveItem(atPath: folder + "/images/red", toPath: folder + "/table")
      try AtomicFile.write(
        "image,class\n0.png,3\n1.png,0\n2.png,5\n3.png,0\n",
        to: folder + "/table/image_caption.csv")
      let data = ["train", "--data-path", "table"]
      let first = try dit(
        data + tinyModel + ["--max-steps", "1", "--output-path", "first"], in: folder)
      #expect(first.status == 0, "\(first.errors)")
      #expect(first.errors.contains("4 images, class numbers up to 5 of 1000 classes"))
      let names = ClassNameList.decode(
        try Checkpoint.openModel(folder + "/first/checkpoints/latest").metadata)
      #expect(names.count == 1000 && names[0] == "tench")

      // Those of a checkpoint, if they are enough.
      let wide = folder + "/wide"
      for index in 0..<7 {
        try Folder.make("\(wide)/kind \(index)")
        try FileManager.default.copyItem(
          atPath: folder + "/table/0.png", toPath: "\(wide)/kind \(index)/0.png")
      }
      let second = try dit(
        ["train", "--data-path", "wide"] + tinyModel
          + ["--max-steps", "1", "--output-path", "second"], in: folder)
      #expect(second.status == 0, "\(second.errors)")
      let third = try dit(
        data + small + ["--dit-checkpoint", "second", "--output-path", "third"], in: folder)
      #expect(third.status == 0, "\(third.errors)")
      #expect(third.errors.contains("class numbers up to 5 of 7 classes"), "\(third.errors)")
      let kept = ClassNameList.decode(
        try Checkpoint.openModel(folder + "/third/checkpoints/latest").metadata)
      #expect(kept == (0..<7).map { "kind \($0)" })
    }
  }
}
