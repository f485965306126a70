internal import ImageData
internal import Synchronization

/// The jobs that came by `txt2img`, and how their images look so far.
final class WebUIBoard: Sendable {
  private struct State {
    var ids: [String] = []
    var previews: [String: RGBImage] = [:]
    var interrupted: Set<String> = []
  }

  private let state = Mutex(State())

  /// The jobs, in the order of their coming.
  var jobs: [String] { state.withLock { $0.ids } }

  /// A job begins.
  func begin(_ id: String) { state.withLock { $0.ids.append(id) } }

  /// A job looks like this.
  func show(_ image: RGBImage, of id: String) { state.withLock { $0.previews[id] = image } }

  /// How a job looks; nil before its first preview.
  func preview(of id: String) -> RGBImage? { state.withLock { $0.previews[id] } }

  /// Somebody asked to stop a job.
  func interrupt(_ id: String) { state.withLock { _ = $0.interrupted.insert(id) } }

  /// A job has ended.
  ///
  /// - Returns: whether somebody asked to stop it.
  @discardableResult
  func end(_ id: String) -> Bool {
    state.withLock { state in
      state.ids.removeAll { $0 == id }
      state.previews[id] = nil
      return state.interrupted.remove(id) != nil
    }
  }
}
