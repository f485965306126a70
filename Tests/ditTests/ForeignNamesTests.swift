internal import Checkpoint
internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// Names of files and folders that are not UTF-8, and names with commas.
@Suite struct ForeignNamesTests {
  private let name = Array("caf".utf8) + [0xE9]

  @Test func namesAClassFolderThatIsNotUTF8() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try makeEntry(name, in: folder + "/images", isFolder: true)
      let trained = try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(trained.status == 1)
      #expect(
        trained.errors.contains("'images' has 1 entry ('caf\\xE9') whose name is not UTF-8"),
        "\(trained.errors)")
    }
    try withEncodingFolder { folder in
      try folder.addImages(2)
      try makeEntry(name, in: folder.path + "/images/a", isFolder: true)
      let encoded = try folder.encode()
      #expect(encoded.status == 1)
      #expect(encoded.errors.contains("1 entry ('a/caf\\xE9') whose name"), "\(encoded.errors)")
    }
  }

  /// Bytes that are not UTF-8 would reach the program as another name.
  @Test func refusesAnArgumentThatIsNotUTF8() throws {
    try withTemporaryFolder { folder in
      let result = try dit(
        ["sample", "--output-path"], in: folder,
        by: ["/bin/sh", "-c", #"exec "$0" "$@" "$(printf 'caf\351')""#])
      #expect(result.status == 64)
      #expect(result.errors.contains("the argument 'caf\\xE9' is not UTF-8"), "\(result.errors)")
      #expect(try Folder.names(in: folder) == [])
    }
  }

  @Test func worksInAFolderThatIsNotUTF8() throws {
    try withTemporaryFolder { folder in
      try makeEntry(name, in: folder, isFolder: true)
      let shell = #"cd "$(printf 'caf\351')" && exec "$0" "$@""#
      func run(_ arguments: [String]) throws -> ProgramResult {
        try dit(arguments, in: folder, by: ["/bin/sh", "-c", shell])
      }
      let sample = [
        "sample", "--class-labels", "0", "--sampling-steps", "1", "--output-path", "out",
      ]
      #expect(try run(sample).status == 0)
      #expect(try run(sample + ["--force"]).status == 0)
      let generated = try run([
        "generate", "--num-samples", "2", "--sampling-steps", "1", "--output-path", "many",
      ])
      #expect(generated.status == 0, "\(generated.errors)")
      #expect(generated.output == "many\n")
    }
  }

  @Test func countsFilesOfAnyNameInAnOutputFolder() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/many")
      try makeEntry(name, in: folder + "/many", isFolder: false)
      let result = try dit(
        ["generate", "--num-samples", "1", "--sampling-steps", "1", "--output-path", "many"],
        in: folder)
      #expect(result.status == 64)
      #expect(result.errors.contains("'many' would be overwritten"), "\(result.errors)")
    }
  }

  @Test func findsAClassWithACommaInItsName() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try Folder.rename(folder + "/images/red", to: folder + "/images/a,b")
      let trained = try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(trained.status == 0, "\(trained.errors)")
      try AtomicFile.write("class_labels: [blue, \"a,b\"]\n", to: folder + "/file.yaml")
      let sample = [
        "sample", "--dit-checkpoint", "run", "--vae-checkpoint", "none", "--sampling-steps", "1",
      ]
      for (number, classes) in [
        ["--class-labels", "blue,a,b"], ["--class-labels", "blue, A , b"],
        ["--class-labels", "blue,\"a,b\""], ["-c", "file.yaml"],
      ].enumerated() {
        let result = try dit(sample + classes + ["--output-path", "\(number)"], in: folder)
        #expect(result.status == 0, "\(result.errors)")
        #expect(
          try Folder.names(in: "\(folder)/\(number)") == [
            "class-0.png", "class-1.png", "grid.png", "sample.json",
          ])
      }
    }
  }

  @Test func tellsANumberFromAName() throws {
    try withTemporaryFolder { folder in
      try makeImages(in: folder + "/images")
      try Folder.rename(folder + "/images/blue", to: folder + "/images/1")
      let trained = try train(["--max-steps", "1", "--output-path", "run"], in: folder)
      #expect(trained.status == 0, "\(trained.errors)")
      let result = try dit(
        [
          "sample", "--dit-checkpoint", "run", "--vae-checkpoint", "none", "--sampling-steps", "1",
          "--class-labels", "1,\"1\"", "--output-path", "out",
        ], in: folder)
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        result.errors.contains("class 1 is called 'red'; for the class called '1', number 0, put"),
        "\(result.errors)")
      #expect(
        try Folder.names(in: folder + "/out") == [
          "class-0.png", "class-1.png", "grid.png", "sample.json",
        ])
    }
  }

  @Test func namesACheckpointThatIsNotUTF8() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/model")
      try makeEntry(name + Array(".safetensors".utf8), in: folder + "/model", isFolder: false)
      let result = try dit(["inspect", "model"], in: folder)
      #expect(result.status == 1)
      #expect(
        result.errors.contains("The name of 'caf\\xE9.safetensors' there is not UTF-8; rename it"),
        "\(result.errors)")
    }
  }
}
