internal import Foundation

/// Items made by worker threads, handed out in order as whole parts.
///
/// Workers take item numbers in ascending order, at most `partsAhead` parts before the consumer. The
/// worker of a part's last item also assembles the part. All mutable state is guarded by `condition`.
final class PartQueue<Item: Sendable, Part: Sendable, Failure: Error>: @unchecked Sendable {
  /// Number and size of the parts.
  struct Layout {
    /// Items of a part; the last part may have fewer.
    let partSize: Int
    /// All items; nil if they never end.
    var itemCount: Int?
    /// Parts that are made before they are asked for.
    let partsAhead: Int

    func items(ofPart part: Int) -> Range<Int> {
      let start = part * partSize
      return start..<max(start, min(start + partSize, itemCount ?? .max))
    }
  }

  private struct PendingPart {
    var items: [Item?]
    var missingCount: Int
  }

  private let layout: Layout
  private let make: @Sendable (_ item: Int) throws(Failure) -> Item
  private let assemble: @Sendable (_ part: Int, [Item]) -> Part

  private let condition = NSCondition()
  private var pending: [Int: PendingPart] = [:]
  private var finished: [Int: Part] = [:]
  private var nextItem = 0
  private var nextPart = 0
  private var failure: Failure?
  private var isStopped = false
  private var workerCount = 0
  private var waited = Duration.zero

  /// Starts the workers.
  ///
  /// - Parameters:
  ///   - layout: number and size of the parts.
  ///   - workerCount: threads, above 0.
  ///   - make: makes one item, on a worker thread; an error ends the queue.
  ///   - assemble: makes a part of its items, on a worker thread.
  init(
    _ layout: Layout, workerCount: Int,
    make: @escaping @Sendable (_ item: Int) throws(Failure) -> Item,
    assemble: @escaping @Sendable (_ part: Int, [Item]) -> Part
  ) {
    self.layout = layout
    self.make = make
    self.assemble = assemble
    self.workerCount = workerCount
    for _ in 0..<workerCount {
      Thread.detachNewThread { self.work() }
    }
  }

  /// How long `next` has waited, in total.
  var timeWaited: Duration { locked { waited } }

  /// Stops the workers and waits until each has finished its item.
  func stop() {
    locked {
      isStopped = true
      condition.broadcast()
      while workerCount > 0 { condition.wait() }
    }
  }

  /// Waits for the next part; nil after the last.
  ///
  /// - Throws: the first error of `make`.
  func next() throws(Failure) -> Part? {
    try locked { () throws(Failure) in
      guard !layout.items(ofPart: nextPart).isEmpty else { return nil }
      let start = ContinuousClock.now
      defer { waited += ContinuousClock.now - start }
      while true {
        if let failure { throw failure }
        if let part = finished.removeValue(forKey: nextPart) {
          nextPart += 1
          condition.broadcast()
          return part
        }
        condition.wait()
      }
    }
  }

  private func work() {
    while let item = takeItem() {
      do {
        finish(item, try make(item))
      } catch {
        locked {
          if failure == nil { failure = error }
          condition.broadcast()
        }
      }
    }
    locked {
      workerCount -= 1
      condition.broadcast()
    }
  }

  /// The number of the next item; nil once there is none, or the queue was stopped.
  private func takeItem() -> Int? {
    locked {
      while !isStopped, hasItems,
        failure != nil || nextItem / layout.partSize >= nextPart + layout.partsAhead
      {
        condition.wait()
      }
      guard !isStopped, hasItems else { return nil }
      defer { nextItem += 1 }
      return nextItem
    }
  }

  private var hasItems: Bool { nextItem < layout.itemCount ?? .max }

  private func finish(_ index: Int, _ item: Item) {
    let part = index / layout.partSize
    let range = layout.items(ofPart: part)
    let items: [Item]? = locked {
      var current =
        pending.removeValue(forKey: part)
        ?? PendingPart(
          items: Array(repeating: nil, count: range.count), missingCount: range.count)
      current.items[index - range.lowerBound] = item
      current.missingCount -= 1
      guard current.missingCount == 0 else {
        pending[part] = current
        return nil
      }
      return current.items.compactMap(\.self)
    }
    guard let items else { return }
    let whole = assemble(part, items)
    locked {
      finished[part] = whole
      condition.broadcast()
    }
  }

  private func locked<Result, Problem: Error>(
    _ body: () throws(Problem) -> Result
  ) throws(Problem) -> Result {
    condition.lock()
    defer { condition.unlock() }
    return try body()
  }
}
