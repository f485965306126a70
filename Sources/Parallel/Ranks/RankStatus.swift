/// A rank's heartbeat: its progress, as published in the store.
struct RankStatus: Equatable {
  /// Counts the heartbeats.
  var beat = 0
  /// Current step, from 1.
  var step = 0
  /// Current part of the step.
  var phase = Phase.start

  /// The parts of a step in order.
  enum Phase: Int {
    case start
    case data
    case backward
    case exchange
    case update
    case draw
    case wait
    case save
    case sample
    case encode
    case done

    /// Name in messages.
    var name: String {
      switch self {
      case .start: "the start"
      case .data: "reading data"
      case .backward: "forward and backward"
      case .exchange: "waiting for the others"
      case .update: "the update"
      case .draw: "drawing samples"
      case .wait: "waiting for rank 0"
      case .save: "saving"
      case .sample: "sampling"
      case .encode: "encoding"
      case .done: "done"
      }
    }
  }

  /// Step and phase, as in "step 3 (saving)".
  var place: String {
    guard step > 0 else { return phase.name }
    switch phase {
    case .sample: return "block \(step) (\(phase.name))"
    case .encode: return "image \(step) (\(phase.name))"
    default: return "step \(step) (\(phase.name))"
    }
  }

  /// Whether this rank is further than another.
  func isAhead(of other: RankStatus) -> Bool {
    (step, phase.rawValue) > (other.step, other.phase.rawValue)
  }

  /// The value in the store.
  var text: String { "\(beat) \(step) \(phase.rawValue)" }

  init() {}

  /// Parses `text`; nil for anything else.
  init?(text: String) {
    let numbers = text.split(separator: " ").compactMap { Int($0) }
    guard numbers.count == 3, let phase = Phase(rawValue: numbers[2]) else { return nil }
    (beat, step, self.phase) = (numbers[0], numbers[1], phase)
  }
}
