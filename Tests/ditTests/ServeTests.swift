import Foundation
import FoundationNetworking
import TestSupport
import Testing

@Suite struct ServeTests {
  @Test func refusesWhatIsNotSafeOrNotThere() throws {
    try withTemporaryFolder { folder in
      let empty = folder + "/empty.txt"
      try "\n".write(toFile: empty, atomically: true, encoding: .utf8)
      for (options, status, text) in [
        (["--host", "0.0.0.0"], 64, "--token-file FILE"),
        (["--port", "70000"], 64, "--port"),
        (["--workers", "0"], 64, "--workers"),
        (["--allowed-hosts", "http://x/"], 64, "'http://x/'"),
        (["--sampler", "ddpm", "--port", "0"], 64, "ddpm does not fit"),
        (["--token-file", folder + "/none.txt"], 1, "no such file"),
        (["--token-file", empty], 64, "empty"),
        (["--dit-checkpoint", folder + "/none.pt"], 1, "no such file"),
        (["--preview-autoencoder", empty, "--port", "0"], 1, "empty.txt"),
        (["--vae-checkpoint", "none", "--port", "0"], 64, "not pixels"),
      ] as [([String], Int32, String)] {
        let result = try dit(["serve"] + options, environment: ["DIT_TOKEN": ""])
        #expect(result.status == status, "\(options): \(result.errors)")
        #expect(result.errors.contains(text), "\(options): \(result.errors)")
      }
    }
  }

  /// The port is told on standard output.
  @Test(arguments: [(SIGTERM, 143), (SIGINT, 130)] as [(Int32, Int32)])
  func endsByASignal(_ signal: Int32, _ status: Int32) throws {
    let port = try LocalPort.free()
    let result = try dit(
      ["serve", "--port", "\(port)", "--sampler", "unipc"], environment: ["DIT_TOKEN": "secret"]
    ) { process in
      let health = try #require(URL(string: "http://127.0.0.1:\(port)/healthz"))
      while (try? Data(contentsOf: health)) == nil, process.isRunning { usleep(50_000) }
      kill(process.processIdentifier, signal)
    }
    #expect(result.status == status, "\(result.errors)")
    #expect(result.output == "http://127.0.0.1:\(port)/\n")
    #expect(result.errors.contains("Ready: built-in model, "))
    #expect(result.errors.contains(" classes"))
    #expect(!result.errors.contains("secret"))
  }

  @Test func namesAPortInUse() throws {
    let held = try HeldPort()
    let result = try dit(["serve", "--port", "\(held.port)"])
    withExtendedLifetime(held) {}
    #expect(result.status == 1)
    #expect(result.errors.contains("in use; give another --host or --port"))
  }
}
