internal import Foundation
internal import Logging
internal import Server
internal import ServiceLifecycle
internal import Synchronization

/// One run of `dit serve`, to the signal that ends it.
struct ServeRun {
  private let service: ServiceSettings
  private let server: ServerSettings

  /// A run.
  ///
  /// - Parameters:
  ///   - service: the model and its limits.
  ///   - server: where it listens, and who may use it.
  init(service: ServiceSettings, server: ServerSettings) {
    self.service = service
    self.server = server
  }

  /// Serves. The thread of the caller waits for signals.
  func run() throws {
    let metrics = PrometheusMetrics()
    let service = ImageService(self.service, logger: .notes(), metrics: metrics)
    let server = ImageServer(service, self.server, metrics: metrics, logger: .notes()) { address in
      // The address alone, for scripts that let the system choose a port.
      try? StandardOutput.write(address.url)
    }
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          .init(
            service: Unattended(server: server),
            successTerminationBehavior: .gracefullyShutdownGroup)
        ], logger: ServeRun.quiet))
    let outcome = Outcome()
    Task {
      do {
        try await group.run()
        outcome.end(nil)
      } catch {
        outcome.end(error)
      }
    }
    while !outcome.wait(milliseconds: 50) {
      guard Interrupt.isRequested, !outcome.isStopping else { continue }
      outcome.isStopping = true
      note("Finishing the jobs that are there; once more ends at once.")
      Task { await group.triggerGracefulShutdown() }
    }
    if let error = outcome.error { throw error }
    try Interrupt.check()
  }

  private static var quiet: Logger {
    Logger(label: "dit") { _ in SwiftLogNoOpLogHandler() }
  }
}

/// A server that leaves signals to the program.
private struct Unattended: Service {
  let server: ImageServer

  func run() async throws { try await server.run(handlesSignals: false) }
}

/// How a run ended, for the thread that waits for it.
private final class Outcome: Sendable {
  private struct State {
    var error: (any Error)?
    var isStopping = false
  }

  private let state = Mutex(State())
  private let done = DispatchSemaphore(value: 0)

  var error: (any Error)? { state.withLock { $0.error } }

  /// Whether the end was asked for.
  var isStopping: Bool {
    get { state.withLock { $0.isStopping } }
    set { state.withLock { $0.isStopping = newValue } }
  }

  func end(_ error: (any Error)?) {
    state.withLock { $0.error = error }
    done.signal()
  }

  /// Waits; returns whether the run is over.
  func wait(milliseconds: Int) -> Bool {
    done.wait(timeout: .now() + .milliseconds(milliseconds)) == .success
  }
}
