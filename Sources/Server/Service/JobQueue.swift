internal import Diffusion

/// The jobs of an `ImageService`: those that wait, run, and have ended lately.
struct JobQueue {
  private var jobs: [String: Job] = [:]
  /// Jobs with images that wait, in the order of their coming.
  private var waiting: [String] = []
  /// Jobs of which an image is begun, and that have not ended.
  private var begun: Set<String> = []
  /// Jobs that have ended, in the order of their ends.
  private var ended: [String] = []

  subscript(_ id: String) -> Job? {
    get { jobs[id] }
    set { jobs[id] = newValue }
  }

  /// Jobs of which no image is begun.
  var queuedCount: Int { waiting.count { jobs[$0]?.status.state == .queued } }
  /// The number of jobs of which an image is begun.
  var runningCount: Int { begun.count }
  /// Those jobs.
  var running: [JobStatus] { begun.compactMap { jobs[$0]?.status } }
  /// Whether images wait.
  var hasWaiting: Bool { waiting.contains { jobs[$0]?.hasWaitingImages ?? false } }
  /// Whether a job has not ended.
  var hasUnfinished: Bool { ended.count < jobs.count }
  /// The names of all jobs that have not ended.
  var unfinished: [String] { waiting + begun.subtracting(waiting) }
  /// Adds a job at the end.
  mutating func add(_ job: Job) {
    jobs[job.status.id] = job
    waiting.append(job.status.id)
  }

  /// Takes images for a batch: those of the first job that waits, and of the others with the same options.
  ///
  /// - Parameters:
  ///   - limit: images of a batch.
  ///   - settled: options with nothing left open.
  /// - Returns: nil if nothing waits.
  mutating func takeBatch(
    _ limit: Int, options settled: (SamplingOptions) -> SamplingOptions
  ) -> DrawingBatch? {
    waiting.removeAll { !(jobs[$0]?.hasWaitingImages ?? false) }
    guard let first = waiting.first.flatMap({ jobs[$0] }) else { return nil }
    let options = settled(first.status.request.options)
    // An adaptive sampler chooses its steps by all images of a batch.
    let limit = options.stepCount == nil ? 1 : limit
    var items: [DrawingBatch.Item] = []
    for id in waiting {
      guard items.count < limit, var job = jobs[id] else { break }
      let request = job.status.request
      guard settled(request.options) == options else { continue }
      let count = min(limit - items.count, request.count - job.takenCount)
      items += (job.takenCount..<job.takenCount + count).map { index in
        DrawingBatch.Item(
          job: id, index: index, label: request.label, seed: request.seed &+ UInt64(index),
          previews: request.previews, control: job.control)
      }
      job.takenCount += count
      job.status.state = .running
      job.status.position = nil
      jobs[id] = job
      begun.insert(id)
    }
    waiting.removeAll { !(jobs[$0]?.hasWaitingImages ?? false) }
    return DrawingBatch(items: items, options: options)
  }

  /// Tells the jobs that wait how many are before them, where that has changed.
  mutating func tellPositions() {
    var position = 0
    for id in waiting {
      guard var job = jobs[id], job.status.state == .queued else { continue }
      if job.status.position != position {
        job.status.position = position
        job.tell(.queued(position: position))
        jobs[id] = job
      }
      position += 1
    }
  }

  /// A job ends.
  mutating func end(
    _ id: String, as state: JobStatus.State, with event: JobEvent,
    at time: ContinuousClock.Instant
  ) {
    guard var job = jobs[id], !job.status.state.isFinal else { return }
    job.status.state = state
    job.status.position = nil
    job.status.secondsLeft = nil
    job.end = time
    job.tell(event)
    jobs[id] = job
    ended.append(id)
    waiting.removeAll { $0 == id }
    begun.remove(id)
  }

  /// Jobs that have ended and are not forgotten.
  private static let endedLimit = 10_000

  /// Forgets jobs that ended before a time, and the oldest if there are very many.
  mutating func forget(before time: ContinuousClock.Instant) {
    let old = ended.prefix { id in jobs[id]?.end.map { $0 < time } ?? true }.count
    let count = max(old, ended.count - JobQueue.endedLimit)
    for id in ended.prefix(count) { jobs[id] = nil }
    ended.removeFirst(count)
  }
}
