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
    try agree(on: lines.joined(separator: "\n"), "other options")
  }

  /// Checks that this rank found the same data and model as rank 0. A collective: all ranks call it.
  ///
  /// - Throws: `UsageError` that names the differences; `LaunchError` if a rank is lost.
  func agree(on findings: [String: String]) throws {
    let lines = findings.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    try agree(on: lines.joined(separator: "\n"), "other data or another model")
  }

  private func agree(on text: String, _ difference: String) throws {
    let first = String(decoding: try broadcast(Array(text.utf8)), as: UTF8.self)
    let changes = SettingsText.changes(from: first, to: text)
    guard changes.isEmpty else {
      throw UsageError(
        "rank \(rank) has \(difference) than rank 0 (\(changes.joined(separator: "; "))): start all"
          + " with the same")
    }
  }
}
