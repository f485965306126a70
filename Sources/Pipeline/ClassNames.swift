internal import Checkpoint
internal import Files
internal import Foundation

/// The classes of a model, with their names if they are known.
public struct ClassNames: Sendable {
  /// The number of classes without the null class.
  public let count: Int
  /// Class i's name at i; nil if there are no names.
  public let names: [String]?

  /// Names from a file, else from the checkpoint's metadata (`class_names`, a JSON list), else
  /// ImageNet's if there are 1,000 classes.
  ///
  /// - Parameters:
  ///   - count: the number of classes of the model.
  ///   - metadata: the checkpoint's texts.
  ///   - path: a text file of names, line i for class i; nil for none.
  /// - Throws: `PipelineError` if the number of names is wrong; `FileError`.
  public init(count: Int, metadata: [String: String], path: String? = nil) throws {
    self.count = count
    if let path {
      let names = try ClassNames.lines(of: path)
      guard names.count == count else {
        throw PipelineError(
          .unusable, "'\(path)' has \(names.count) names and the model \(count) classes")
      }
      self.names = names
    } else {
      let known = ClassNameList.decode(metadata)
      names = known.count == count ? known : count == 1000 ? EmbeddedModel.imageNetNames : nil
    }
  }

  private static func lines(of path: String) throws -> [String] {
    let file = try MappedFile(path)
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      throw PipelineError(.unusable, "'\(path)' is not a text file in UTF-8")
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  /// The name of a class; `class 7` if it has none.
  public func name(of id: Int) -> String { names.map { $0[id] } ?? "class \(id)" }

  /// The classes to draw by default: those of the paper's figure for ImageNet, else the first 16.
  public var defaultLabels: [Int] {
    count == 1000 ? [207, 360, 387, 974, 88, 979, 417, 279] : Array(0..<min(count, 16))
  }

  /// Reads a list of numbers and names with commas between; names may have commas too.
  ///
  /// - Throws: `PipelineError` for a number out of range, a name that is unknown or stands for several
  ///   classes, or an empty list.
  public func labels(from text: String) throws -> [Int] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    var labels: [Int] = []
    var place = 0
    while place < parts.count {
      let (label, used) = try label(at: place, of: parts)
      labels.append(label)
      place += used
    }
    return labels
  }

  /// The class whose number or name begins at an index, and the number of parts that the name takes.
  private func label(at place: Int, of parts: [String]) throws -> (Int, Int) {
    let first = parts[place]
    if let id = Int(first) {
      guard (0..<count).contains(id) else {
        throw PipelineError(
          .setting, "class \(id) is out of range: the model has classes 0 to \(count - 1)")
      }
      return (id, 1)
    }
    for end in stride(from: min(parts.count, place + 8), to: place, by: -1) {
      let name = parts[place..<end].joined(separator: ", ")
      let ids = ids(of: name)
      if ids.count == 1 { return (ids[0], end - place) }
      if ids.count > 1 {
        let list = ids.map(String.init).joined(separator: " and ")
        throw PipelineError(
          .setting, "the name '\(name)' stands for the classes \(list); give the number")
      }
    }
    throw unknown(first)
  }

  private func ids(of name: String) -> [Int] {
    let wanted = name.lowercased()
    return (names ?? []).indices.filter { names?[$0].lowercased() == wanted }
  }

  private func unknown(_ name: String) -> PipelineError {
    guard let names else {
      return PipelineError(
        .missingClassNames,
        "class '\(name)': the model has no class names, only numbers from 0 to \(count - 1)")
    }
    let nearest = Spelling.nearest(to: name, among: names).map { "; did you mean '\($0)'?" }
    let shown = names.count > 20 ? "" : ": " + names.joined(separator: ", ")
    return PipelineError(
      .setting,
      "no class is called '\(name)'\(nearest ?? " among the \(names.count) names\(shown)")")
  }
}
