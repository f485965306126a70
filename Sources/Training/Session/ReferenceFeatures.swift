internal import Evaluation
internal import Files
internal import Foundation
internal import Parallel
internal import Pipeline

/// What evaluations in a run look at in the reference. Its features are made by all ranks if they see the
/// reference and the run's folder as rank 0 does, else by rank 0 alone; those of before are taken.
struct ReferenceFeatures {
  /// The metrics to make.
  let metrics: [Metric]
  /// What they need of the reference, on rank 0.
  let set: FeatureSet?

  /// Makes the features that are missing. All ranks call it together.
  ///
  /// - Parameters:
  ///   - path: the file or folder.
  ///   - imageSize: to which images of a folder are cropped.
  ///   - network: gives the features.
  ///   - folder: for the features; nil on other ranks than 0.
  ///   - parallel: the ranks.
  ///   - note: is told what happens.
  ///   - shouldStop: asked often.
  /// - Throws: `RunEvaluation.Stopped` on all ranks if `shouldStop` of one says yes; `EvaluationError`;
  ///   `ImageError`, `FileError`; `LaunchError` if a rank is lost.
  init(
    _ path: String, imageSize: Int, _ network: EvaluationNetwork, folder: String?,
    _ parallel: DataParallel, note: (String) throws -> Void, shouldStop: () -> Bool
  ) throws {
    let place = String(decoding: try parallel.send(Array((folder ?? "").utf8)), as: UTF8.self)
    func open() throws -> EvaluationRun {
      try EvaluationRun(
        samples: nil, reference: try EvaluationReference(contentsOf: path, imageSize: imageSize),
        network: network.network, networkDigest: network.digest, metrics: network.usualMetrics,
        folder: place)
    }
    let run = folder == nil ? try? open() : try open()
    let areShared = try ReferenceFeatures.areShared(run, folder, parallel)
    if areShared {
      try note("evaluations: \(parallel.count) processes make the features of the reference")
    }
    var isStopped = false
    var set: FeatureSet?
    func attempt(_ body: () throws -> Void) throws {
      do { try body() } catch is RunEvaluation.Stopped { isStopped = true }
    }
    if areShared, let run {
      try attempt {
        try run.makeReference(sharedBy: parallel.ranks) {
          if shouldStop() { parallel.ranks?.requestStop(SIGTERM) }
          try parallel.ranks?.check()
          if try parallel.ranks?.stopSignal() != nil { throw RunEvaluation.Stopped() }
        }
      }
    }
    try parallel.draw(step: 0) { mark in
      guard folder != nil, !isStopped, let run else { return }
      func check() throws {
        try mark()
        if shouldStop() { throw RunEvaluation.Stopped() }
      }
      try attempt {
        if !areShared { _ = try run.run(check: check) }
        set = try run.referenceFeatures(check: check)
        if try ReferenceFeatures.removeUnused(in: place) {
          try note("the reference or the network has changed: the features of before were removed")
        }
      }
    }
    guard try parallel.means([isStopped ? 1 : 0]) == [0] else { throw RunEvaluation.Stopped() }
    metrics = run?.metrics ?? Metric.available(for: network.network)
    self.set = set
  }

  /// Whether several ranks see the same reference and the same folder for features.
  private static func areShared(
    _ run: EvaluationRun?, _ folder: String?, _ parallel: DataParallel
  ) throws -> Bool {
    guard parallel.count > 1 else { return false }
    var mark = ""
    if let folder, let features = try run?.referenceFolder() {
      try Folder.make(folder)
      mark = "\(folder)/.seen-\(UUID().uuidString)"
      try AtomicFile.write(features, to: mark)
    }
    defer { if folder != nil { unlink(mark) } }
    let shown = String(decoding: try parallel.send(Array(mark.utf8)), as: UTF8.self)
    let features = shown.isEmpty ? nil : try? TextFile.content(of: shown)
    let isSeen = try features != nil && run?.referenceFolder() == features
    return try parallel.means([isSeen ? 1 : 0]) == [1]
  }

  /// Removes features that nobody uses: those of other settings.
  ///
  /// - Returns: whether there were any.
  private static func removeUnused(in folder: String) throws -> Bool {
    guard Folder.exists(folder) else { return false }
    var hasRemoved = false
    for name in try Folder.names(in: folder) {
      let path = folder + "/" + name
      guard UnfinishedJob(folder: path).exists, let lock = try? FolderLock(path) else { continue }
      try withExtendedLifetime(lock) { try Folder.remove(path) }
      hasRemoved = true
    }
    return hasRemoved
  }
}
