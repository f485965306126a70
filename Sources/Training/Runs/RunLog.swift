internal import Files
internal import Foundation
internal import Torch

/// The log files of a run: `metrics.jsonl`, `log.txt` and TensorBoard's events.
public final class RunLog {
  private let metrics: AppendedFile
  private let log: AppendedFile
  private let events: EventFile

  /// Opens the files of a run to append to them.
  ///
  /// - Parameters:
  ///   - directory: the run's folder.
  ///   - step: the last step taken; metrics of later ones are removed, as these will be repeated.
  /// - Throws: `FileError`.
  public init(_ directory: RunDirectory, after step: Int = 0) throws {
    let path = directory.path + "/metrics.jsonl"
    metrics = try AppendedFile(path, keeping: RunLog.byteCount(ofStepsTo: step, in: path))
    log = try AppendedFile(directory.path + "/log.txt")
    events = try EventFile(folder: directory.path + "/tensorboard", after: step)
  }

  /// The length of a metrics file up to and including the last line of a step up to `step`; nil if
  /// there is no file, or an empty one. Steps ascend and may be millions, so it reads from the end.
  private static func byteCount(ofStepsTo step: Int, in path: String) -> Int? {
    guard let file = try? MappedFile(path) else { return nil }
    struct Line: Decodable { let step: Int }
    let newline = UInt8(ascii: "\n")
    var end = file.bytes.lastIndex(of: newline) ?? 0
    while end > 0 {
      let start = file.bytes[..<end].lastIndex(of: newline).map { $0 + 1 } ?? 0
      let line = try? JSONDecoder().decode(Line.self, from: Data(file.bytes[start..<end]))
      if let line, line.step <= step { return end + 1 }
      end = start - 1
    }
    return 0
  }

  /// Adds a line with the time to `log.txt`.
  ///
  /// - Throws: `FileError`.
  public func write(_ text: String) throws {
    try log.append(Array("\(Date().formatted(.iso8601)) \(text)\n".utf8))
  }

  /// Adds a step's numbers.
  ///
  /// - Parameters:
  ///   - report: of the step.
  ///   - errorsByNoise: of this step and some before; nil to leave them out.
  ///   - epoch: passes over the data so far.
  ///   - imagesPerSecond: over all ranks.
  /// - Throws: `FileError`.
  public func write(
    _ report: StepReport, errorsByNoise: NoiseLevelErrors? = nil, epoch: Double,
    imagesPerSecond: Double
  ) throws {
    var values: [(String, Double)] = [
      ("loss", report.loss), ("mse", report.squaredError), ("lr", report.learningRate),
      ("grad_norm", report.gradientNorm), ("images_per_second", imagesPerSecond),
      ("loss_scale", report.lossScale), ("seconds", report.seconds),
      ("wait_seconds", report.waitSeconds),
      ("wait_share", report.seconds > 0 ? report.waitSeconds / report.seconds : 0),
      ("utilization", report.utilization),
      ("peak_memory_bytes", Double(ProcessMemory.peakBytes)),
    ]
    if let bound = report.variationalBound { values.append(("vb", bound)) }
    if let exchange = report.exchange {
      values += [
        ("exchange_seconds", exchange.busySeconds),
        ("exposed_exchange_seconds", exchange.exposedSeconds),
      ]
    }
    for (bin, mean) in (errorsByNoise?.means ?? []).enumerated() {
      if let mean { values.append(("mse_by_noise_\(bin)", mean)) }
    }
    try write(
      step: report.step, [("epoch", .number(epoch)), ("dropped", .bool(report.wasSkipped))], values)
  }

  /// Adds a step's numbers: to the metrics some fields, then the values, which TensorBoard gets too.
  ///
  /// - Throws: `FileError`.
  func write(
    step: Int, _ fields: [(key: String, value: JSON)], _ values: [(String, Double)]
  ) throws {
    let line = JSON.object(
      [("step", .integer(step))] + fields + values.map { ($0, .number($1)) })
    try metrics.append(Array("\(line.text)\n".utf8))
    try events.append(scalars: values, step: step)
  }

  /// Adds an image to TensorBoard's events.
  ///
  /// - Throws: `FileError`.
  public func write(png: [UInt8], width: Int, height: Int, name: String, step: Int) throws {
    try events.append(png: png, width: width, height: height, name: name, step: step)
  }
}
