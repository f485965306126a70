internal import Files
internal import Foundation

/// A table of images with their classes: comma-separated values (RFC 4180).
///
/// The first line names the columns. `image` (a path relative to the table's folder) and `class` (a
/// number) are used, other columns ignored.
struct ImageTable {
  /// File name of the table.
  static let fileName = "image_caption.csv"

  /// One image.
  struct Row {
    let image: String
    let label: Int
  }

  /// The images, by line.
  let rows: [Row]

  /// Reads a table.
  ///
  /// - Throws: `ImageError` with path and line for a missing column, a bad class number, a missing
  ///   image file, or a table without images.
  init(contentsOf path: String) throws {
    let text: String
    do {
      text = try TextFile.content(of: path)
    } catch let error as FileError where error.reason == .empty {
      text = ""
    } catch {
      throw ImageError("\(error)")
    }
    let lines = try ImageTable.records(text, path)
    let names = (lines.first?.fields ?? []).map { $0.trimmingCharacters(in: .whitespaces) }
    guard let image = names.firstIndex(of: "image"), let label = names.firstIndex(of: "class")
    else {
      throw ImageError("\(path), line 1: the head must name the columns image and class")
    }
    let folder = String(path.dropLast(ImageTable.fileName.count))
    rows = try lines.dropFirst().map { line in
      let place = "\(path), line \(line.number)"
      guard line.fields.count == names.count else {
        throw ImageError("\(place): \(line.fields.count) values for \(names.count) columns")
      }
      let name = line.fields[image].trimmingCharacters(in: .whitespaces)
      let number = line.fields[label].trimmingCharacters(in: .whitespaces)
      let limit = ImageFolder.unnamedClassLimit
      guard let value = Int(number), (0..<limit).contains(value) else {
        throw ImageError(
          "\(place): the class is '\(number)'; it must be a number from 0 to \(limit - 1)")
      }
      // Windows separates folders by backslashes.
      let names = [name, name.replacing("\\", with: "/")]
      guard !name.isEmpty, let file = names.first(where: { Folder.hasFile(folder + $0) }) else {
        let fault = Folder.exists(folder + name) ? "it is a folder:" : "there is no file"
        throw ImageError("\(place): \(fault) '\(folder + name)'")
      }
      return Row(image: file, label: value)
    }
    guard !rows.isEmpty else { throw ImageError("\(path): no image follows the head") }
  }

  private struct Record {
    let number: Int
    var fields: [String]
  }

  /// Splits text into records; empty lines are skipped.
  private static func records(_ text: String, _ path: String) throws(ImageError) -> [Record] {
    var (records, number): ([Record], Int) = ([], 1)
    var record = Record(number: 1, fields: [])
    var (field, isQuoted, wasQuoted) = ("", false, false)
    func finishField() {
      record.fields.append(field)
      (field, wasQuoted) = ("", false)
    }
    func finishRecord() {
      finishField()
      if record.fields != [""] { records.append(record) }
      record = Record(number: number, fields: [])
    }
    for scalar in text.unicodeScalars {
      if scalar == "\n" { number += 1 }
      switch scalar {
      case "\"" where isQuoted: isQuoted = false
      case "\"" where field.isEmpty && !wasQuoted: (isQuoted, wasQuoted) = (true, true)
      case "\"" where wasQuoted:
        // A doubled quotation mark stands for one.
        field.unicodeScalars.append(scalar)
        isQuoted = true
      case "," where !isQuoted: finishField()
      case "\n" where !isQuoted: finishRecord()
      default: field.unicodeScalars.append(scalar)
      }
    }
    guard !isQuoted else {
      throw ImageError("\(path), line \(record.number): a quotation mark is not closed")
    }
    finishRecord()
    return records
  }
}
