public import Torch

extension RankGroup {
  /// A device of this machine for this process alone, where there are several.
  ///
  /// A launcher may show each process its own GPU only, which then has the index 0 everywhere
  /// (Slurm's `--gpus-per-task`).
  public func localDevice(_ device: Device) -> Device {
    guard device.type == "cuda", device.index ?? 0 == 0 else { return device }
    let count = (try? device.availableCount()) ?? 1
    return .cuda(RankGroup.deviceIndex(localRank: localRank, visibleCount: count))
  }

  /// Which of the devices that a process sees is its own; with more processes than devices they share.
  static func deviceIndex(localRank: Int, visibleCount: Int) -> Int {
    visibleCount > 1 ? localRank % visibleCount : 0
  }
}
