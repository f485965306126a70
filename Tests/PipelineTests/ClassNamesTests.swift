internal import Files
internal import Pipeline
internal import TestSupport
internal import Testing

@Suite struct ClassNamesTests {
  private let imageNet: ClassNames
  private let three: ClassNames

  init() throws {
    imageNet = try ClassNames(count: 1000, metadata: [:])
    three = try ClassNames(count: 3, metadata: ["class_names": #"["cat","hot dog","dog, big"]"#])
  }

  @Test func readsNumbersAndNamesInAnyCase() throws {
    #expect(try imageNet.labels(from: "207, 360,TENCH,Great White Shark") == [207, 360, 0, 2])
    #expect(try three.labels(from: "Hot Dog,0") == [1, 0])
  }

  @Test func takesACommaInsideANameForPartOfIt() throws {
    #expect(try three.labels(from: "cat,dog, big,hot dog") == [0, 2, 1])
    let name = try #require(imageNet.names?.first { $0.contains(",") })
    let id = try #require(imageNet.names?.firstIndex(of: name))
    #expect(try imageNet.labels(from: "1,\(name),2") == [1, id, 2])
  }

  @Test(arguments: [
    ("gold fish", "goldfish"), ("1000", "0 to 999"), ("-1", "0 to 999"), ("Missile", "657 and 744"),
    ("xqzzw", "among the 1000 names"), ("", "''"),
  ]) func explainsWhatIsWrong(_ text: String, _ hint: String) throws {
    let error = #expect(throws: PipelineError.self) { try imageNet.labels(from: text) }
    let found = try #require(error)
    #expect(found.isSetting)
    #expect(found.message.contains(hint), "\(found.message)")
  }

  @Test func wantsOneNameForEachClass() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("a\nb\n", to: folder + "/names.txt")
      let names = try ClassNames(count: 2, metadata: [:], path: folder + "/names.txt")
      #expect(names.names == ["a", "b"])
      let error = #expect(throws: PipelineError.self) {
        try ClassNames(count: 3, metadata: [:], path: folder + "/names.txt")
      }
      #expect(try #require(error).message.contains("2 names and the model 3 classes"))
    }
  }

  @Test func showsAFewClassesByDefault() throws {
    #expect(imageNet.defaultLabels == [207, 360, 387, 974, 88, 979, 417, 279])
    #expect(three.defaultLabels == [0, 1, 2])
    #expect(try ClassNames(count: 99, metadata: [:]).defaultLabels == Array(0..<16))
  }
}
