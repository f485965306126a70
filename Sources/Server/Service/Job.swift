/// A job in an `ImageService`.
struct Job {
  /// How it stands.
  var status: JobStatus
  /// What the thread that draws has to know of it.
  let control = JobControl()
  /// When it came.
  let arrival: ContinuousClock.Instant
  /// When it ended; nil before.
  var end: ContinuousClock.Instant?
  /// The images that were taken to be drawn.
  var takenCount = 0
  /// Previews of each image so far.
  var previewCounts: [Int: Int] = [:]
  private var mailboxes: [WeakMailbox] = []

  private struct WeakMailbox {
    weak var mailbox: JobMailbox?
  }

  init(_ status: JobStatus, arrival: ContinuousClock.Instant) {
    self.status = status
    self.arrival = arrival
  }

  /// Whether images wait to be drawn.
  var hasWaitingImages: Bool { !status.state.isFinal && takenCount < status.request.count }

  /// Tells those who listen.
  mutating func tell(_ event: JobEvent) {
    mailboxes.removeAll { $0.mailbox == nil }
    for entry in mailboxes { entry.mailbox?.add(event) }
  }

  /// A new listener.
  mutating func listen() -> JobMailbox {
    mailboxes.removeAll { $0.mailbox == nil }
    let mailbox = JobMailbox(control, status.request.previews)
    mailboxes.append(WeakMailbox(mailbox: mailbox))
    return mailbox
  }
}
