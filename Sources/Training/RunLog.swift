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
  /// - Throws: `FileError`.
  public init(_ directory: RunDirectory) throws {
    metrics = try AppendedFile(directory.path + "/metrics.jsonl")
    log = try AppendedFile(directory.path + "/log.txt")
    events = try EventFile(folder: directory.path + "/tensorboard")
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

/// A file that grows at its end.
final class AppendedFile {
  private let path: String
  private let handle: FileHandle

  init(_ path: String) throws {
    self.path = path
    if !FileManager.default.fileExists(atPath: path) { try AtomicFile.write("", to: path) }
    do {
      handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.seekToEnd()
    } catch {
      throw FileError(.system, path: path, message: "cannot write '\(path)': \(error)")
    }
  }

  func append(_ bytes: [UInt8]) throws {
    do {
      try handle.write(contentsOf: Data(bytes))
    } catch {
      throw FileError(
        .system, path: path, message: "cannot write '\(path)': \(error); is the disk full?")
    }
  }
}
