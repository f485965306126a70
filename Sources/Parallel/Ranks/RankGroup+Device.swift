public import Torch

extension RankGroup {
  /// The GPU of this process's local rank, if the machine has several.
  ///
  /// With one visible GPU the device stays: launchers may show each process its own GPU only, with the
  /// index 0 (Slurm's `--gpus-per-task`).
  public func localDevice(_ device: Device) -> Device {
    guard device.isCUDA, device.index ?? 0 == 0 else { return device }
    let count = (try? device.availableCount()) ?? 1
    return .cuda(RankGroup.deviceIndex(localRank: localRank, visibleCount: count))
  }

  /// The device index of a local rank; with more ranks than devices they share.
  static func deviceIndex(localRank: Int, visibleCount: Int) -> Int {
    visibleCount > 1 ? localRank % visibleCount : 0
  }
}
