internal import Files
internal import Foundation
internal import Torch

/// Writes what happens in a run: `metrics.jsonl`, `log.txt` and TensorBoard's events.
public final class RunLog {
  private let metrics: AppendedFile
  private let log: AppendedFile
  private let events: EventFile

  /// Opens the files of a run, at their ends.
  ///
  /// - Parameters:
  ///   - directory: the run's.
  ///   - step: the last step taken; metrics of later ones, which will be taken again, are removed.
  /// - Throws: `FileError`.
  public init(_ directory: RunDirectory, after step: Int = 0) throws {
    let path = directory.path + "/metrics.jsonl"
    try RunLog.removeSteps(after: step, from: path)
    metrics = try AppendedFile(path)
    log = try AppendedFile(directory.path + "/log.txt")
    events = try EventFile(folder: directory.path + "/tensorboard", after: step)
  }

  /// Keeps the lines of some steps, of those that are whole.
  private static func removeSteps(after step: Int, from path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else { return }
    struct Line: Decodable { let step: Int }
    let lines = data.split(separator: UInt8(ascii: "\n"))
    let kept = lines.filter { line in
      (try? JSONDecoder().decode(Line.self, from: line)).map { $0.step <= step } ?? false
    }
    guard kept.count < lines.count else { return }
    let text = kept.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined()
    try AtomicFile.write(text, to: path)
  }

  /// Adds a line with the time to `log.txt`.
  ///
  /// - Throws: `FileError`.
  public func write(_ text: String) throws {
    try log.append(Array("\(Date().formatted(.iso8601)) \(text)\n".utf8))
  }

  /// Adds a step's numbers.
  ///
  /// - Throws: `FileError`.
  public func write(_ report: StepReport, epoch: Double, imagesPerSecond: Double) throws {
    var values: [(String, Double)] = [
      ("loss", report.loss), ("mse", report.squaredError), ("lr", report.learningRate),
      ("grad_norm", report.gradientNorm), ("images_per_second", imagesPerSecond),
      ("loss_scale", report.lossScale), ("seconds", report.seconds),
      ("wait_seconds", report.waitSeconds), ("utilization", report.utilization),
      ("peak_memory_bytes", Double(ProcessMemory.peakBytes)),
    ]
    if let bound = report.variationalBound { values.append(("vb", bound)) }
    if let exchange = report.exchange {
      values += [
        ("exchange_seconds", exchange.busySeconds),
        ("exposed_exchange_seconds", exchange.exposedSeconds),
      ]
    }
    let fields =
      ["\"step\":\(report.step)", "\"epoch\":\(epoch)", "\"dropped\":\(report.isDropped)"]
      + values.map { "\"\($0)\":\($1.isFinite ? "\($1)" : "null")" }
    try metrics.append(Array("{\(fields.joined(separator: ","))}\n".utf8))
    try events.append(scalars: values, step: report.step)
  }

  /// Adds a picture to TensorBoard's events.
  ///
  /// - Throws: `FileError`.
  public func write(png: [UInt8], width: Int, height: Int, name: String, step: Int) throws {
    try events.append(png: png, width: width, height: height, name: name, step: step)
  }
}
