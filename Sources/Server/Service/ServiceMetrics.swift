internal import Metrics

/// What an `ImageService` counts and measures.
struct ServiceMetrics: Sendable {
  private let factory: any MetricsFactory
  private let images: Counter
  private let queueLength: Meter
  private let runningJobs: Meter
  private let batchSize: Recorder
  private let stepTime: Metrics.Timer
  private let firstPreviewTime: Metrics.Timer

  init(_ factory: any MetricsFactory) {
    self.factory = factory
    images = Counter(label: "dit_images_total", factory: factory)
    queueLength = Meter(label: "dit_queue_length", factory: factory)
    runningJobs = Meter(label: "dit_running_jobs", factory: factory)
    batchSize = Recorder(label: "dit_batch_size", aggregate: true, factory: factory)
    stepTime = Metrics.Timer(label: "dit_step_seconds", factory: factory)
    firstPreviewTime = Metrics.Timer(label: "dit_first_preview_seconds", factory: factory)
  }

  /// A job has ended, or was refused.
  func count(_ state: String) {
    Counter(label: "dit_jobs_total", dimensions: [("state", state)], factory: factory).increment()
  }

  /// An image is there.
  func countImage() { images.increment() }

  /// The queue has changed.
  func setQueue(_ queued: Int, running: Int) {
    queueLength.set(queued)
    runningJobs.set(running)
  }

  /// A batch begins.
  func begin(_ batch: DrawingBatch) { batchSize.record(batch.items.count) }

  /// A step of a batch took so long.
  func addStep(_ duration: Duration) { stepTime.record(duration: duration) }

  /// So long after its arrival a job has its first preview.
  func addFirstPreview(_ duration: Duration) { firstPreviewTime.record(duration: duration) }
}
