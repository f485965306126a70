internal import Foundation
internal import ImageData

extension ImageRecord {
  /// Reads the record of a PNG file.
  ///
  /// - Throws: `PipelineError` if the file cannot be read, or has no record that can be used.
  package init(readFrom path: String) throws {
    do {
      guard let text = try PNGText.text(ImageRecord.textKey, in: path) else {
        throw PipelineError(
          .imageRecord,
          "'\(path)' does not say how it was made: another program made it or saved it again, or it"
            + " was written without metadata")
      }
      self = try JSONDecoder().decode(ImageRecord.self, from: Data(text.utf8))
    } catch let error as ImageError {
      throw PipelineError(.imageRecord, error.message)
    } catch let error as DecodingError {
      throw PipelineError(
        .imageRecord,
        "'\(path)' says how it was made in a form that is not read: \(error.cause)"
      )
    }
  }

  /// The settings as options of the program and keys of its configuration files; for a grid, also what
  /// images it has.
  package var options: [(key: String, value: String)] {
    get throws {
      var options = try JSONDecoder().decode(
        [String: Scalar].self, from: try JSONEncoder().encode(settings)
      ).mapValues(\.text)
      switch content {
      case .image: options["batch_size"] = nil
      case .grid(let labels, let count):
        options["class_labels"] = labels.map(String.init).joined(separator: ",")
        options["num_samples"] = String(count)
      }
      return options.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    }
  }
}

/// A value of a setting.
private struct Scalar: Decodable {
  let text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flag = try? container.decode(Bool.self) {
      text = "\(flag)"
    } else if let number = try? container.decode(UInt64.self) {
      text = "\(number)"
    } else if let number = try? container.decode(Int.self) {
      text = "\(number)"
    } else if let number = try? container.decode(Double.self) {
      text = "\(number)"
    } else {
      text = try container.decode(String.self)
    }
  }
}
