internal import ArgumentParser
internal import Files
internal import Foundation
internal import Logging
internal import Pipeline
internal import Server
internal import Torch

/// `dit serve`
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Keep a model loaded and draw over HTTP, with a page to click.",
    discussion: """
      Serves OpenAI's Images API, an API of jobs with live previews, and some routes of Stable \
      Diffusion web UI. Requests that wait are drawn together. Options of dit sample choose the model, \
      and what requests leave open.

        dit serve
        dit serve --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors --sampler unipc --sampling-steps 10
        dit serve --host 0.0.0.0 --token-file token.txt --allowed-hosts images.example.org

      The page is at http://127.0.0.1:8080/. For instance:

        curl http://127.0.0.1:8080/v1/images/generations \\
          -H 'Content-Type: application/json' -d '{"prompt": "clock", "seed": 7}'

      Ctrl-C or SIGTERM finishes the jobs that are there, and refuses others; once more ends at once.
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.", completion: .file()) var config:
    String?
  @OptionGroup(title: "Serving") var serving: ServingOptions
  @OptionGroup var sampling: SamplingSettingsOptions

  func run() throws {
    ProcessMemory.prepare()
    try sampling.execution.apply()
    let settings = try sampling.settings(batchSize: serving.batchSize)
    sampling.notes(settings).forEach(note)
    let run = ServeRun(
      service: serving.service(settings), server: try serving.server())
    try run.run()
  }
}

/// Options of the server itself.
struct ServingOptions: ParsableArguments {
  @Option(help: "The address or name of this machine to listen at.") var host = "127.0.0.1"
  @Option(help: "The port; 0 for one that is free.") var port = 8080
  @Option(
    help: """
      A file with the token that clients send as 'Authorization: Bearer'; needed for an address that \
      other machines reach. Also in the environment: DIT_TOKEN.
      """, completion: .file())
  var tokenFile: String?
  @Option(
    help: "Names of this machine that clients use, with commas between; behind a proxy its own.")
  var allowedHosts: String?
  @Option(help: "Jobs that may wait; more are refused for the moment.") var maxQueue = 64
  @Option(help: "Images of one job.") var maxImages = 16
  @Option(help: "Images drawn together (default: 8).") var batchSize: Int?
  @Option(
    help: "Models that draw at the same time, each with memory of its own; they share the threads.")
  var workers = 1
  @Option(
    help: "A small autoencoder for the same latents, such as TAESD, for previews.",
    completion: .file())
  var previewAutoencoder: String?
  @Option(help: "Seconds that jobs may go on after Ctrl-C or SIGTERM.") var drainTimeout = 30

  func validate() throws {
    try Bounds.from(0, to: 65535).check(port, "--port")
    try Bounds.from(0, to: 100_000).check(maxQueue, "--max-queue")
    try Bounds.from(1, to: 1024).check(maxImages, "--max-images")
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    try Bounds.from(1, to: 64).check(workers, "--workers")
    try Bounds.from(0, to: 86400).check(drainTimeout, "--drain-timeout")
  }

  /// The settings of the service.
  func service(_ sampling: SamplingSettings) -> ServiceSettings {
    ServiceSettings(
      sampling: sampling, queueLimit: maxQueue, imageLimit: maxImages, workerCount: workers,
      previewAutoencoder: previewAutoencoder)
  }

  /// The settings of the server.
  ///
  /// - Throws: `FileError` if the token cannot be read; `UsageError` if there is none in the file.
  func server() throws -> ServerSettings {
    var settings = ServerSettings(
      host: host, port: port, token: try token(),
      allowedHosts: allowedHosts?.split(separator: ",").map {
        $0.trimmingCharacters(in: .whitespaces)
      } ?? [])
    settings.drainTimeout = .seconds(drainTimeout)
    return settings
  }

  private func token() throws -> String? {
    guard let tokenFile else {
      return ProcessInfo.processInfo.environment["DIT_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    }
    let text = try TextFile.content(of: tokenFile).trimmingCharacters(in: .whitespacesAndNewlines)
    guard !text.isEmpty else { throw UsageError("--token-file '\(tokenFile)': it is empty") }
    return text
  }
}
