internal import Diffusion
internal import Files
internal import Foundation

extension ImageRecord {
  /// The text `parameters` that image tools show, in the form of Stable Diffusion web UI: the class names,
  /// a line feed, then names and values.
  ///
  /// - Parameters:
  ///   - classNames: the classes shown, without line feeds.
  ///   - imageSize: height and width of an image in pixels.
  /// - Returns: the text.
  func parameters(classNames: [String], imageSize: Int) -> String {
    let options = settings.options
    let fields: [(String, String?)] = [
      ("Steps", options.stepCount.map(String.init)), ("Sampler", options.sampler.name),
      ("CFG scale", ImageRecord.text(options.guidance.scale)), ("Seed", "\(settings.seed)"),
      ("Size", "\(imageSize)x\(imageSize)"), ("Model", settings.pipeline.modelName),
      ("Model hash", weights["dit_checkpoint"].map { String($0.prefix(10)) }),
    ]
    return classNames.joined(separator: "; ") + "\n"
      + fields.compactMap { name, value in value.map { "\(name): \(ImageRecord.quoted($0))" } }
      .joined(separator: ", ")
  }

  /// 4 for 4.0.
  private static func text(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\(number)"
  }

  /// A value in quotation marks if it has characters that part values.
  private static func quoted(_ value: String) -> String {
    value.contains { ",:\n\"".contains($0) } ? JSON.string(value).text : value
  }
}
