internal import Checkpoint
package import Models
internal import Torch

extension LatentStatistics {
  /// The tensors of a file of statistics.
  private static let (meanName, deviationName) = ("mean", "std")

  /// The metadata's keys, which are diffusers' fields.
  package static let metadataKeys = ["latents_mean", "latents_std"]

  /// Reads the statistics that LightningDiT's code saves as `latents_stats.pt`: tensors `mean` and `std`,
  /// with one number a channel.
  ///
  /// - Parameter path: a file in any known format.
  /// - Throws: `PipelineError` if it holds something else, or numbers that cannot be statistics;
  ///   `CheckpointError`, `FileError`.
  package init(readFrom path: String) throws {
    let file = try Checkpoint.open(path, weights: .all)
    let names = [Self.meanName, Self.deviationName]
    guard Set(file.entries.map(\.name)) == Set(names) else {
      throw PipelineError(
        .unusable,
        "'\(path)' is no file of latents' statistics: it must hold the tensors mean and std and nothing"
          + " else, and holds \(nameList(file.entries.map(\.name)))")
    }
    func numbers(_ name: String) throws -> [Double] {
      guard let tensor = file.tensor(name), tensor.dtype.isFloatingPoint else {
        throw PipelineError(.unusable, "'\(path)': \(name) has no fractional numbers")
      }
      let shape = tensor.shape
      guard shape.count == 1 || shape.count == 4 && shape == [1, shape[1], 1, 1], tensor.count > 0
      else {
        throw PipelineError(
          .unusable,
          "'\(path)': \(name) has the shape \(shape); statistics have one number a channel,"
            + " [1, C, 1, 1] or [C]")
      }
      return tensor.to(.float64).elements(Double.self)
    }
    self.init(means: try numbers(Self.meanName), deviations: try numbers(Self.deviationName))
    guard means.count == deviations.count else {
      throw PipelineError(
        .unusable,
        "'\(path)' has \(means.count) means and \(deviations.count) standard deviations")
    }
    if let fault = fault(channelCount: means.count) {
      throw PipelineError(.unusable, "'\(path)' has \(fault)")
    }
  }

  /// The statistics in a model's metadata; nil if there are none.
  ///
  /// - Throws: `PipelineError` for metadata that cannot be statistics of so many channels.
  init?(_ checkpoint: Checkpoint, channelCount: Int) throws {
    let fields = DiffusersFields(metadata: checkpoint.metadata, path: checkpoint.path)
    let lists = try Self.metadataKeys.map { try fields.numbers($0) }
    guard let means = lists[0], let deviations = lists[1] else {
      guard let index = lists.firstIndex(where: { $0 != nil }) else { return nil }
      throw fields.fault(
        Self.metadataKeys[index], "stands without \(Self.metadataKeys[1 - index])")
    }
    self.init(means: means, deviations: deviations)
    try check(channelCount: channelCount, of: checkpoint.path)
  }

  /// Refuses statistics of other channels.
  ///
  /// - Parameters:
  ///   - channelCount: of the model's latents.
  ///   - path: where the statistics come from.
  ///   - model: the model's file; nil if that is the same.
  /// - Throws: `PipelineError`.
  package func check(channelCount: Int, of path: String, for model: String? = nil) throws {
    guard let fault = fault(channelCount: channelCount) else { return }
    throw PipelineError(
      .unusable,
      "'\(path)' has \(fault)" + (model.map { ", those of '\($0)'" } ?? ""))
  }

  /// Texts for a model's metadata, in JSON.
  package var metadata: [String: String] {
    Dictionary(
      uniqueKeysWithValues: zip(Self.metadataKeys, ["\(means)", "\(deviations)"]))
  }
}
