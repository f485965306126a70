internal import Files
internal import Foundation
internal import TestSupport
internal import Testing

/// The scripts that place the program and its manual.
@Suite struct InstallTests {
  private func script(_ name: String, _ arguments: [String]) throws -> Int32 {
    let scripts = URL(filePath: golden("")).appending(path: "../../scripts").standardized.path
    return try runSystemProgram("/usr/bin/env", ["python3", "\(scripts)/\(name)"] + arguments)
  }

  private static let hasPatchelf =
    (try? runSystemProgram("/usr/bin/env", ["sh", "-c", "command -v patchelf >/dev/null"])) == 0

  @Test func mendsThePagesOfTheManual() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(
        """
        .Dt DIT 1
        .Nd "Images."
        .Sh DESCRIPTION
        Draw. Then look (e.g. at it):
          dit sample

          dit train \\e
            --resume

        More.
        .Bl -tag -width 6n
        .It Fl a
        .Pp
        .It Fl b
        .El
        .Sh "SEE ALSO"
        .Xr dit.benchmark.data 1 ,
        .Xr dit.cli-docs 1 ,
        .Xr dit.help 1
        """, to: folder + "/dit.1")
      for name in ["benchmark.data", "cli-docs", "help"] {
        try AtomicFile.write(".Dt DIT.BENCHMARK.DATA 1", to: "\(folder)/dit.\(name).1")
      }
      #expect(try script("mend-manual", [folder]) == 0)
      #expect(try Folder.names(in: folder) == ["dit-benchmark-data.1", "dit.1"])
      #expect(
        try String(contentsOfFile: folder + "/dit.1", encoding: .utf8) == """
          .Dt DIT 1
          .Nd "Images"
          .Sh DESCRIPTION
          Draw.
          Then look (e.g. at it):
          .Bd -literal -offset indent
          dit sample

          dit train \\e
            --resume
          .Ed
          .Pp
          More.
          .Bl -tag -width 6n
          .It Fl a
          .It Fl b
          .El
          .Sh "SEE ALSO"
          .Xr dit-benchmark-data 1

          """)
      #expect(
        try String(contentsOfFile: folder + "/dit-benchmark-data.1", encoding: .utf8)
          == ".Dt DIT-BENCHMARK-DATA 1\n")
    }
  }

  /// Shells that are not installed are left out.
  @Test func completesInShells() throws {
    let script = URL(filePath: golden("")).appending(path: "../../scripts/check-completions")
    let result = try dit([], by: ["/usr/bin/env", "python3", script.standardized.path])
    #expect(result.status == 0, "\(result.errors)")
  }

  /// Folders that were there before stay, and those with files of others.
  @Test(.enabled(if: hasPatchelf)) func removesWhatItHasMade() throws {
    try withTemporaryFolder { folder in
      try Folder.make(folder + "/pages")
      try AtomicFile.write(".Dt DIT 1\n", to: folder + "/pages/dit.1")
      // A program that needs no library but the system's.
      for prefix in ["there", "not/there"] {
        let path = folder + "/" + prefix
        if prefix == "there" { try Folder.make(path + "/share/fish") }
        for _ in 0..<2 {
          #expect(try script("install-program", ["/bin/true", path, folder + "/pages"]) == 0)
        }
        #expect(Folder.hasFile(path + "/share/man/man1/dit.1"))
        try AtomicFile.write("", to: path + "/bin/other")
        #expect(try script("install-program", ["--remove", path]) == 0)
        #expect(try Folder.names(in: path + "/bin") == ["other"])
        let left = prefix == "there" ? ["bin", "share"] : ["bin"]
        #expect(try Folder.names(in: path) == left)
      }
      #expect(try Folder.names(in: folder + "/there/share") == ["fish"])
      let path = folder + "/third"
      #expect(try script("install-program", ["/bin/true", path]) == 0)
      #expect(try script("install-program", ["--remove", path]) == 0)
      #expect(!Folder.exists(path))
    }
  }
}
