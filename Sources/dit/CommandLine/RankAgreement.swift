internal import ArgumentParser
internal import Parallel

extension RankGroup {
  /// Options that may differ between machines.
  private static let ownOptions: Set = [
    "data_path", "vae_checkpoint", "dit_checkpoint", "pretrained_model_path", "output_path", "npz",
    "threads", "device", "device_id", "device_plugin", "timeout", "rank_table", "workers",
    "num_parallel_workers", "use_parallel", "log_level", "force",
  ]

  /// Checks that this rank has the options of rank 0. A collective: all ranks call it.
  ///
  /// - Throws: `UsageError` that names the differences; `LaunchError` if a rank is lost.
  func agree(on command: some ParsableArguments) throws {
    let lines = SettingsText(command).yaml.split(separator: "\n").filter { line in
      !RankGroup.ownOptions.contains(String(line.prefix { $0 != ":" }))
    }
    let text = lines.joined(separator: "\n")
    let first = String(decoding: try broadcast(Array(text.utf8)), as: UTF8.self)
    let changes = SettingsText.changes(from: first, to: text)
    guard changes.isEmpty else {
      throw UsageError(
        "rank \(rank) has other options than rank 0 (\(changes.joined(separator: "; "))): start all"
          + " with the same")
    }
  }
}
