internal import Dispatch
internal import Files
internal import Foundation
internal import Synchronization

/// The SHA-256 of a pipeline's weights, computed in the background, which leaves the processors to other
/// threads.
///
/// That of a file is what `sha256sum` prints for it; that of several files is of their bytes in order.
package final class WeightDigests: Sendable {
  private struct Outcome {
    var digests: [String: String] = [:]
    var failure: String?
  }

  private let outcome = Mutex(Outcome())
  private let done = DispatchSemaphore(value: 0)

  /// Starts to compute.
  package init(of pipeline: LatentDiffusionPipeline) {
    let paths = pipeline.weightPaths
    // Opened at once: a training run may replace or remove them.
    let sources = Result { try paths.mapValues { try $0.map(OpenedFile.init) } }
    Thread.detachNewThread { [self] in
      OpenedFile.yieldToOtherThreads()
      do {
        for (setting, files) in try sources.get().sorted(by: { $0.key < $1.key }) {
          let digest = try WeightDigests.digest(of: files, setting)
          outcome.withLock { $0.digests[setting] = digest }
        }
      } catch {
        outcome.withLock { $0.failure = "\(error)" }
      }
      done.signal()
    }
  }

  private static func digest(of files: [OpenedFile], _ setting: String) throws -> String {
    guard !files.isEmpty else {
      return setting == "vae_checkpoint" ? EmbeddedModel.autoencoderDigest : EmbeddedModel.digest
    }
    var digest = SHA256()
    for file in files { try file.add(to: &digest) }
    return digest.text()
  }

  /// Waits for the digests.
  ///
  /// - Parameter check: called while they are waited for; throws to stop.
  /// - Returns: 64 hexadecimal digits by setting. A file that cannot be read has none.
  /// - Throws: what `check` throws.
  package func values(check: () throws -> Void = {}) throws -> [String: String] {
    while done.wait(timeout: .now() + .milliseconds(100)) == .timedOut { try check() }
    // For the next call.
    done.signal()
    return outcome.withLock { $0.digests }
  }

  /// Why digests are missing; nil if none is, or they are not done.
  package var failure: String? { outcome.withLock { $0.failure } }
}
