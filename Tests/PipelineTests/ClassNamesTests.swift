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

  @Test func knowsImageNetsSynonyms() throws {
    for (text, label) in [
      ("Tinca tinca", 0), ("white shark", 2), ("man-eater", 2), ("n01484850", 2), ("hen", 8),
      ("tench, Tinca tinca", 0), ("maillot, tank suit", 639), ("tank suit", 639),
      ("crane bird", 134), ("cardigan", 474), ("Cardigan Welsh corgi", 264), ("ATM", 480),
      ("bathroom tissue", 999),
    ] {
      #expect(try imageNet.labels(from: text) == [label], "\(text)")
    }
    #expect(try imageNet.labels(from: "white shark, Tinca tinca,7") == [2, 0, 7])
  }

  @Test func takesEachPartOfANameForASynonym() throws {
    let names = #"["tench, Tinca tinca","great white shark, white shark","crane","crane, big"]"#
    let classes = try ClassNames(count: 4, metadata: ["class_names": names])
    #expect(try classes.labels(from: "white shark") == [1])
    #expect(try classes.labels(from: "white shark,TINCA TINCA") == [1, 0])
    #expect(try classes.labels(from: "great white shark,white shark") == [1])
    #expect(try classes.labels(from: "great white shark, tench") == [1, 0])
    // A whole name counts before a part of another.
    #expect(try classes.labels(from: "crane, big, crane") == [3, 2])
    let error = #expect(throws: PipelineError.self) { try classes.labels(from: "shark") }
    #expect(try #require(error).message.contains("did you mean 'white shark'"))
  }

  @Test(arguments: [
    "a\nb\n", "a\nb", "a\nb\n\n\n", "a\r\nb\r\n\r\n", "\u{FEFF}a\r\nb\r\n", "a\rb\r\r",
    " a\t\nb \n \n\t\n",
  ]) func readsAListAsEditorsWriteIt(_ text: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(text, to: folder + "/names.txt")
      let classes = try ClassNames(count: 2, metadata: [:], path: folder + "/names.txt")
      #expect(classes.names == ["a", "b"])
    }
  }

  @Test(arguments: [
    ("a\n\nb\n", "line 2 is empty"), ("\na\nb", "line 1 is empty"),
    ("a\r\n \t\r\nb\r\n", "line 2 is empty"),
    ("\u{FEFF}\na\nb", "line 1 is empty"), ("a\nb\nc\n\n", "has 3 names and the model 2 classes"),
    ("\n\n", "has 0 names"),
  ]) func refusesAListWithGaps(_ text: String, _ hint: String) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(text, to: folder + "/names.txt")
      let error = #expect(throws: PipelineError.self) {
        try ClassNames(count: 2, metadata: [:], path: folder + "/names.txt")
      }
      #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
    }
  }

  @Test func tellsOfListsWithTwoReadings() throws {
    let names = #"["a","b","a,b","2","1,2","c,d","c","great shark, shark"]"#
    let classes = try ClassNames(count: 8, metadata: ["class_names": names])
    func readings(_ text: String) -> [ClassNames.TwoReadings] { classes.twoReadings(in: text) }
    #expect(
      readings("c,a, B") == [.init(text: "a, B", joined: 2, split: [0, 1], isJoined: true)])
    #expect(
      readings("a,1,2") == [.init(text: "1, 2", joined: 4, split: [1, 2], isJoined: false)])
    #expect(try classes.labels(from: "1,2") == [1, 2])
    // Only one reading is a class each; synonyms of one class; quotation marks.
    for text in ["c,d", "great shark, shark", "\"a,b\"", "a", "2", "b,a", "\"a\",\"b\"", "x,y"] {
      #expect(readings(text) == [], "\(text)")
    }
  }

  @Test func knowsFoldersNamedByWordNet() throws {
    let names = #"["n02979186","n03000684","mine"]"#
    let classes = try ClassNames(count: 3, metadata: ["class_names": names])
    #expect(try classes.labels(from: "cassette player,chainsaw,n03000684,mine") == [0, 1, 1, 2])
  }

  @Test(arguments: ["a,b", "a, b", "A ,B", "\"a,b\"", "2"])
  func findsANameWithAComma(_ text: String) throws {
    let classes = try ClassNames(
      count: 4, metadata: ["class_names": #"["a","b","a,b","c,,d,"]"#])
    #expect(try classes.labels(from: text) == [2])
    #expect(try classes.labels(from: "b,a," + text) == [1, 0, 2])
    #expect(try classes.labels(from: "c,,d,") == [3])
    #expect(try classes.labels(from: #""a","b""#) == [0, 1])
  }

  @Test func takesANumberInQuotationMarksForAName() throws {
    let classes = try ClassNames(
      count: 3, metadata: ["class_names": #"["0","10","6\" pipe, \"long\""]"#])
    #expect(try classes.labels(from: #"1,"10","0""#) == [1, 1, 0])
    #expect(try classes.labels(from: #"6" pipe, "long""#) == [2])
    #expect(try classes.labels(from: #""6"" pipe, ""long""",0"#) == [2, 0])
    #expect(throws: PipelineError.self) { try classes.labels(from: #""1""#) }
    let digits = try ClassNames(count: 3, metadata: ["class_names": #"["1","10","2"]"#])
    let found = digits.namesakes(in: #"2,1,"10",0,2"#)
    #expect(found.map(\.id) == [1] && found.map(\.named) == [0])
  }

  @Test(arguments: [
    ("crane", "134 and 517 (crane bird; construction crane)"), ("gold fish", "goldfish"),
    ("1000", "0 to 999"), ("-1", "0 to 999"), ("Missile", "657 and 744"),
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
      for text in ["a\r\nb\r\n", "\u{FEFF}a\r\nb", "a\rb\r"] {
        try AtomicFile.write(text, to: folder + "/names.txt")
        let same = try ClassNames(count: 2, metadata: [:], path: folder + "/names.txt")
        #expect(same.names == ["a", "b"])
      }
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
    let named = try ClassNames(
      count: 3, metadata: ["class_names": #"["a","b","c"]"#], examples: "c,0")
    #expect(named.defaultLabels == [2, 0])
  }
}
