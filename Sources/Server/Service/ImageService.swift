internal import Diffusion
public import Logging
public import Metrics
internal import Pipeline
public import ServiceLifecycle
internal import Torch

/// Keeps a model loaded, and draws the images that are asked for.
///
/// Jobs wait in one queue. Images of the same options are drawn in one batch, each with noise of its own: the
/// image of a seed is the one that `dit sample` draws with it, to the rounding of products, and bit for bit if
/// it is alone in its batch.
public actor ImageService: Service {
  /// The model, once it is loaded; nil before.
  public private(set) var model: ModelDescription?

  private let settings: ServiceSettings
  private let logger: Logger
  private let metrics: ServiceMetrics
  private let clock = ContinuousClock()
  private var rules: SamplingRules?
  private var queue = JobQueue()
  private var store: ImageStore
  private var isEnding = false
  private var workers: [CheckedContinuation<Void, Never>] = []
  private var drainers: [CheckedContinuation<Void, Never>] = []
  /// Of the batches so far, later ones counting more.
  private var secondsPerBatch: Double?

  /// A service; `run()` loads the model.
  ///
  /// - Parameters:
  ///   - settings: the model and the limits.
  ///   - logger: told what was found and chosen, and of jobs that fail.
  ///   - metrics: makes counters and timers; by default none count.
  public init(
    _ settings: ServiceSettings, logger: Logger = Logger(label: "dit.service"),
    metrics: any MetricsFactory = NOOPMetricsHandler.instance
  ) {
    self.settings = settings
    self.logger = logger
    self.metrics = ServiceMetrics(metrics)
    store = ImageStore(byteLimit: settings.resultByteLimit)
  }

  /// Loads the model, then draws until `drain(timeout:)`, a graceful shutdown, or cancellation of the task.
  ///
  /// - Throws: what opening a pipeline throws; `ServiceError` if memory does not suffice for all workers.
  public func run() async throws {
    let threadCount = LibTorch.threadCount
    defer { finish(threadCount) }
    let drawers = try await load()
    await withTaskCancellationHandler {
      await withGracefulShutdownHandler {
        await self.work(drawers)
      } onGracefulShutdown: {
        Task { await self.refuse() }
      }
    } onCancel: {
      Task { await self.drain(timeout: .zero) }
    }
  }

  /// Draws with all drawers to the end, and forgets old results meanwhile.
  private func work(_ drawers: [ImageDrawer]) async {
    await withTaskGroup(of: Bool.self) { group in
      for drawer in drawers {
        group.addTask {
          await self.work(drawer)
          return true
        }
      }
      group.addTask {
        while (try? await Task.sleep(for: .seconds(30))) != nil { await self.forgetOldResults() }
        return false
      }
      var workerCount = drawers.count
      while workerCount > 0, let isWorker = await group.next() { workerCount -= isWorker ? 1 : 0 }
      group.cancelAll()
    }
  }

  private func load() async throws -> [ImageDrawer] {
    let count = max(settings.workerCount, 1)
    let threads = ThreadShares(total: LibTorch.threadCount, drawerCount: count)
    var drawers: [ImageDrawer] = []
    var first: (model: ModelDescription, rules: SamplingRules)?
    for number in 1...count where !isEnding {
      let drawer = ImageDrawer(
        settings, number: number, threads: threads, logger: number == 1 ? logger : nil)
      let loaded = try await drawer.load(others: count - number)
      first = first ?? loaded
      drawers.append(drawer)
    }
    guard let (model, rules) = first else { return [] }
    (self.model, self.rules) = (model, rules)
    logger.info(
      "Ready: \(model.name), \(model.imageSize) x \(model.imageSize) pixels, \(model.classNames.count) classes, \(model.precision) on \(model.device)"
    )
    return drawers
  }

  // MARK: - Jobs

  /// Takes a job.
  ///
  /// - Parameter request: the images; what its options leave open the model's family decides.
  /// - Returns: the job, which waits.
  /// - Throws: `ServiceError` for a value out of range, a full queue, or a service that loads or ends.
  public func submit(_ request: ImageRequest) throws(ServiceError) -> JobStatus {
    guard !isEnding else { throw refusal(.ending, "the server is shutting down") }
    guard let model, let rules else { throw refusal(.loading, "the model is being loaded") }
    try request.check(model, rules)
    forgetOldResults()
    // Workers that wait take a job each at once.
    guard queue.queuedCount - workers.count < settings.queueLimit else {
      throw refusal(
        .queueFull(retryAfter: secondsUntilRoom),
        "as many jobs wait as may wait (\(settings.queueLimit)); try again later")
    }
    var status = JobStatus(id: ImageService.makeID(), request: request)
    status.position = queue.queuedCount
    status.stepCount = request.options.settled(for: rules.process).stepCount
    queue.add(Job(status, arrival: clock.now))
    wakeWorker()
    updateMetrics()
    return status
  }

  private func refusal(_ reason: ServiceError.Reason, _ message: String) -> ServiceError {
    metrics.count("refused")
    return ServiceError(reason, message)
  }

  /// A job as it stands; nil if there is none of that name, or it ended long ago.
  public func job(_ id: String) -> JobStatus? {
    forgetOldResults()
    return queue[id]?.status
  }

  /// The jobs of which images are being drawn.
  public func runningJobs() -> [JobStatus] { queue.running }

  /// The events of a job, from how it stands on; nil if there is none of that name.
  public func events(of id: String) -> JobEvents? {
    forgetOldResults()
    guard var job = queue[id] else { return nil }
    let mailbox = job.listen()
    queue[id] = job
    let status = job.status
    if let position = status.position { mailbox.add(.queued(position: position)) }
    if status.step > 0 {
      mailbox.add(
        .step(
          JobStep(
            step: status.step, count: status.stepCount, progress: status.progress,
            secondsLeft: status.secondsLeft)))
    }
    for (index, identity) in status.images.sorted(by: { $0.key < $1.key }) {
      if let image = store[identity.id] { mailbox.add(.image(image, index: index)) }
    }
    switch status.state {
    case .queued, .running: break
    case .done: mailbox.add(.done)
    case .failed: mailbox.add(.failed(message: status.error ?? ""))
    case .cancelled: mailbox.add(.cancelled)
    }
    return JobEvents(mailbox: mailbox)
  }

  /// Cancels a job, whose images leave their batch at its next step. A job that has ended stays as it is.
  ///
  /// - Returns: the job as it stands then; nil if there is none of that name.
  @discardableResult
  public func cancel(_ id: String) -> JobStatus? {
    guard let job = queue[id] else { return nil }
    if !job.status.state.isFinal {
      job.control.cancel()
      end(id, as: .cancelled, with: .cancelled)
    }
    return queue[id]?.status
  }

  /// An image that was drawn; nil if there is none of that name, or it is gone.
  public func image(_ id: String) -> DrawnImage? {
    forgetOldResults()
    return store[id]
  }

  /// Refuses new jobs and waits for those that are there.
  ///
  /// - Parameter timeout: when those that are left fail.
  /// - Returns: whether there were any.
  @discardableResult
  public func drain(timeout: Duration) async -> Bool {
    refuse()
    guard queue.hasUnfinished else { return false }
    let timer = Task {
      try await clock.sleep(for: timeout)
      for id in queue.unfinished { fail(id, "the server shut down before the job was done") }
    }
    await withCheckedContinuation { drainers.append($0) }
    timer.cancel()
    return true
  }

  /// Refuses new jobs, and ends once those that are there have ended.
  private func refuse() {
    isEnding = true
    wakeWorkers()
  }

  // MARK: - Drawing

  private func work(_ drawer: ImageDrawer) async {
    while let batch = await nextBatch() {
      metrics.begin(batch)
      updateMetrics()
      let start = clock.now
      let (events, continuation) = AsyncStream.makeStream(of: DrawingEvent.self)
      async let outcome = ImageService.draw(batch, with: drawer, continuation)
      var stepStart = start
      for await event in events {
        if case .step = event {
          metrics.addStep(stepStart.duration(to: clock.now))
          stepStart = clock.now
        }
        handle(event, batch)
      }
      let seconds = Double(start.duration(to: clock.now) / .seconds(1))
      secondsPerBatch = secondsPerBatch.map { 0.8 * $0 + 0.2 * seconds } ?? seconds
      if let error = await outcome { fail(batch, error) }
      updateMetrics()
    }
  }

  private static func draw(
    _ batch: DrawingBatch, with drawer: ImageDrawer,
    _ events: AsyncStream<DrawingEvent>.Continuation
  ) async -> (any Error)? {
    defer { events.finish() }
    do {
      try await drawer.draw(batch) { events.yield($0) }
      return nil
    } catch {
      return error
    }
  }

  /// The next batch, waited for; nil at the end.
  private func nextBatch() async -> DrawingBatch? {
    while true {
      if let rules,
        let batch = queue.takeBatch(
          settings.batchSize, options: { $0.settled(for: rules.process) })
      {
        queue.tellPositions()
        if queue.hasWaiting { wakeWorker() }
        return batch
      }
      if isEnding { return nil }
      await withCheckedContinuation { workers.append($0) }
    }
  }

  private func handle(_ event: DrawingEvent, _ batch: DrawingBatch) {
    switch event {
    case .step(let step):
      for id in Set(batch.items.map(\.job)) { take(step, of: id) }
    case .preview(let row, let step, let image):
      let item = batch.items[row]
      guard var job = queue[item.job], !job.status.state.isFinal else { return }
      let number = job.previewCounts[item.index, default: 0]
      if job.previewCounts.isEmpty { metrics.addFirstPreview(job.arrival.duration(to: clock.now)) }
      job.previewCounts[item.index] = number + 1
      job.tell(
        .preview(JobPreview(index: item.index, number: number, step: step, image: image)))
      queue[item.job] = job
    case .image(let row, let png):
      let item = batch.items[row]
      guard var job = queue[item.job], !job.status.state.isFinal else { return }
      let identity = ImageIdentity(id: ImageService.makeID(), label: item.label, seed: item.seed)
      let image = DrawnImage(identity: identity, png: png)
      store.add(image, at: clock.now)
      metrics.countImage()
      job.status.images[item.index] = identity
      job.tell(.image(image, index: item.index))
      queue[item.job] = job
      if job.status.images.count == job.status.request.count {
        end(item.job, as: .done, with: .done)
      }
    }
  }

  private func take(_ step: JobStep, of id: String) {
    guard var job = queue[id], !job.status.state.isFinal else { return }
    // Images that wait still need batches of their own.
    let waiting = job.status.request.count - job.takenCount
    let batches = (waiting + settings.batchSize - 1) / settings.batchSize
    let rest = secondsPerBatch.map { Double(batches) * $0 } ?? 0
    let own = JobStep(
      step: step.step, count: step.count, progress: step.progress,
      secondsLeft: step.secondsLeft.map { $0 + rest })
    job.status.step = own.step
    job.status.progress = own.progress
    job.status.secondsLeft = own.secondsLeft
    job.tell(.step(own))
    queue[id] = job
  }

  private func fail(_ batch: DrawingBatch, _ error: any Error) {
    logger.error("drawing failed: \(error)")
    let message = ServiceError.publicMessage(of: error)
    for id in Set(batch.items.map(\.job)) { fail(id, message) }
  }

  private func fail(_ id: String, _ message: String) {
    guard var job = queue[id], !job.status.state.isFinal else { return }
    job.status.error = message
    job.control.cancel()
    queue[id] = job
    end(id, as: .failed, with: .failed(message: message))
  }

  private func end(_ id: String, as state: JobStatus.State, with event: JobEvent) {
    queue.end(id, as: state, with: event, at: clock.now)
    queue.tellPositions()
    metrics.count(state.rawValue)
    updateMetrics()
    guard !queue.hasUnfinished else { return }
    for drainer in drainers { drainer.resume() }
    drainers = []
  }

  /// The run is over: nothing is left that could draw.
  private func finish(_ threadCount: Int) {
    if settings.workerCount > 1 { try? LibTorch.setThreadCount(threadCount) }
    isEnding = true
    for id in queue.unfinished { cancel(id) }
  }

  // MARK: - Small things

  private func wakeWorker() {
    if !workers.isEmpty { workers.removeFirst().resume() }
  }

  private func wakeWorkers() {
    for worker in workers { worker.resume() }
    workers = []
  }

  private func forgetOldResults() {
    let time = clock.now - settings.resultLifetime
    queue.forget(before: time)
    store.forget(before: time)
  }

  private func updateMetrics() {
    metrics.setQueue(queue.queuedCount, running: queue.runningCount)
  }

  /// Seconds until some of the jobs that wait are begun, roughly.
  private var secondsUntilRoom: Int {
    let seconds = queue.running.compactMap(\.secondsLeft).min() ?? secondsPerBatch ?? 1
    return Int(min(max(seconds.rounded(.up), 1), 3600))
  }

  /// 32 hexadecimal digits that cannot be guessed.
  private static func makeID() -> String {
    (0..<4).map { _ in
      let text = String(UInt32.random(in: .min ... .max), radix: 16)
      return String(repeating: "0", count: 8 - text.count) + text
    }.joined()
  }
}
