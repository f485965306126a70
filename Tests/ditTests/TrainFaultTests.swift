internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct TrainFaultTests {
  @Test func leavesOutUnreadableImages() throws {
    try withTemporaryFolder { folder in
      // One in a hundred may be broken.
      try makeImages(in: folder + "/images", count: 200)
      let images = folder + "/images/red"
      try Folder.make(folder + "/images/nothing")
      try AtomicFile.write("no image at all", to: images + "/text.jpg")
      try AtomicFile.write("", to: images + "/empty.jpg")
      var bomb = [UInt8](try Data(contentsOf: URL(filePath: images + "/0.png")))
      bomb.replaceSubrange(16..<24, with: [0, 0, 0x4E, 0x20, 0, 0, 0x4E, 0x20])
      try Data(bomb).write(to: URL(filePath: images + "/bomb.png"))
      let jpeg = try Data(contentsOf: URL(filePath: golden("images/color.jpg")))
      try jpeg.prefix(jpeg.count / 2).write(to: URL(filePath: images + "/cut.jpg"))
      // One epoch, so that each image is drawn.
      let result = try train(
        ["--train-batch-size", "101", "--max-steps", "4", "--output-path", "run"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      let log = try String(contentsOfFile: folder + "/run/log.txt", encoding: .utf8)
      for text in [log, result.errors] {
        for name in ["text.jpg", "empty.jpg", "bomb.png", "cut.jpg"] {
          #expect(text.contains("\(name)'"), "\(name): \(text)")
        }
        #expect(text.contains("20000 x 20000 pixels are more than"))
      }
      #expect(result.errors.contains("nothing"))
      #expect(log.contains("waited for data") && log.contains("could not be read: 4"))
    }
  }

  @Test func trainsOnASmallSetWithABrokenImage() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try AtomicFile.write("GIF89a", to: folder + "/images/red/2.png")
      let result = try train(["--max-steps", "4", "--output-path", "run"], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.errors.contains("red/2.png': the content is GIF"), "\(result.errors)")
    }
  }

  @Test func logsTheImagesThatStopIt() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      for name in ["text", "more", "most"] {
        try AtomicFile.write("no image at all", to: folder + "/images/red/\(name).jpg")
      }
      let result = try train(["--max-steps", "4", "--output-path", "run"], in: folder)
      #expect(result.status == 1, "\(result.errors)")
      let log = try String(contentsOfFile: folder + "/run/log.txt", encoding: .utf8)
      for text in [log, result.errors] {
        #expect(text.contains("text.jpg"), "\(text)")
        #expect(text.contains("more than 2 of the 11 images"), "\(text)")
      }
      #expect(log.contains("left out") && log.contains("stopped at step "))
    }
  }

  @Test func resumesFromAnOlderCheckpointIfTheNewestIsTruncated() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let run = ["--ckpt-save-interval", "2", "--output-path", "run", "--max-steps"]
      #expect(try train(run + ["4"], in: folder).status == 0)
      let file = try FileHandle(
        forWritingTo: URL(filePath: folder + "/run/checkpoints/step-000004/model.safetensors"))
      try file.truncate(atOffset: 5000)
      let again = try train(run + ["6", "--resume"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.errors.contains("resumed at step 2 (not from a newer one: "))
      #expect(again.errors.contains("step-000004/model.safetensors"))
    }
  }

  @Test(.enabled(if: mayMountDisks)) func keepsTheOldCheckpointWhenTheDiskIsFull() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      let disk = folder + "/disk"
      try Folder.make(disk)
      // Room for one checkpoint, not for two.
      #expect(try mount(["-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk]))
      defer { _ = try? runSystemProgram("/bin/umount", [disk]) }
      let run = ["--max-steps", "6", "--ckpt-save-interval", "2", "--output-path", "disk/run"]
      let full = try train(run, in: folder)
      #expect(full.status == 1, "\(full.errors)")
      #expect(full.errors.contains("No space left on device") || full.errors.contains("disk full"))
      let checkpoints = try FileManager.default.contentsOfDirectory(
        atPath: disk + "/run/checkpoints")
      #expect(Set(checkpoints) == ["latest", "step-000002"])
      #expect(try weights(disk + "/run/checkpoints/latest").count > 10)
      #expect(try mount(["-o", "remount,size=16m", disk]))
      let again = try train(run + ["--resume"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.errors.contains("resumed at step 2"))
    }
  }

  private func mount(_ arguments: [String]) throws -> Bool {
    try runSystemProgram("/bin/mount", arguments) == 0
  }

  @Test func stopsBeforeTheFirstStep() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      // So many weights that the signal comes while they are drawn.
      let size = [
        "--hidden-size", "768", "--depth", "12", "--num-heads", "12", "--patch-size", "4",
      ]
      let data = ["--data-path", "images", "--vae-checkpoint", "none", "--image-size", "16"]
      let result = try dit(
        ["train"] + data + size + [
          "--train-batch-size", "4", "--max-steps", "2", "--output-path", "run",
        ], in: folder
      ) { process in
        while process.isRunning, !Folder.exists(folder + "/run/checkpoints") { usleep(1000) }
        kill(process.processIdentifier, SIGINT)
      }
      #expect(result.status == 128 + SIGINT)
      #expect(result.errors.hasSuffix("\nStopped.\n"), "\(result.errors)")
      #expect(!Folder.exists(folder + "/run"))
    }
  }
}
