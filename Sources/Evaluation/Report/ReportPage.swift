internal import Files
internal import Foundation
internal import ImageData

/// The page of a report: one HTML file, whose pictures are in it.
struct ReportPage {
  /// What the page is called.
  let title: String
  /// Rows of the table of figures.
  let figures: [(name: String, value: String)]
  /// Sentences about the figures.
  let notes: [String]
  let pictures: ReportPictures

  /// Writes `index.html` to a folder, which is made if it is missing.
  ///
  /// - Throws: `FileError`; `ImageError`.
  func write(to folder: String) throws {
    try Folder.make(folder)
    try AtomicFile.write(try html(), to: folder + "/index.html")
  }

  private func html() throws -> String {
    let rows = figures.map {
      "<tr><th>\(ReportPage.escaped($0.name))</th><td>\(ReportPage.escaped($0.value))</td></tr>"
    }
    let remarks = notes.map { "<li>\(ReportPage.escaped($0))</li>" }
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width">
      <title>\(ReportPage.escaped(title))</title>
      <style>\(ReportPage.style)</style>
      </head>
      <body>
      <h1>\(ReportPage.escaped(title))</h1>
      <table>\(rows.joined(separator: "\n"))</table>
      \(remarks.isEmpty ? "" : "<ul>\(remarks.joined(separator: "\n"))</ul>")
      \(try sheet())
      \(try pairs("Samples and the reference images nearest to them", pictures.neighbors))
      \(try pairs("Samples furthest outside the reference", pictures.worst))
      </body>
      </html>

      """
  }

  private func sheet() throws -> String {
    guard !pictures.sheet.isEmpty else { return "" }
    let rows = try pictures.sheet.map { row in
      let images = try row.pictures.map(ReportPage.figure)
      return "<h3>\(ReportPage.escaped(row.title))</h3><div class=\"row\">\(images.joined())</div>"
    }
    return "<h2>Samples</h2>" + rows.joined(separator: "\n")
  }

  private func pairs(
    _ title: String,
    _ pairs: [(sample: ReportPictures.Picture, reference: ReportPictures.Picture)]
  ) throws -> String {
    guard !pairs.isEmpty else { return "" }
    let items = try pairs.map {
      "<div class=\"pair\">\(try ReportPage.figure($0.sample))\(try ReportPage.figure($0.reference))</div>"
    }
    return "<h2>\(title)</h2><div class=\"row\">\(items.joined(separator: "\n"))</div>"
  }

  private static func figure(_ picture: ReportPictures.Picture) throws -> String {
    let data = Data(try picture.image.png()).base64EncodedString()
    let caption = escaped(picture.caption)
    return """
      <figure><img src="data:image/png;base64,\(data)" width="\(max(picture.image.width, 96))" \
      alt="\(caption)"><figcaption>\(caption)</figcaption></figure>
      """
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  private static let style = """
    :root { color-scheme: light dark; }
    body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
    th { text-align: left; font-weight: 500; padding-right: 2rem; }
    td { font-variant-numeric: tabular-nums; }
    .row { display: flex; flex-wrap: wrap; gap: .5rem; }
    .pair { display: flex; gap: .4rem; margin-right: 1rem; }
    figure { margin: 0; }
    img { display: block; image-rendering: pixelated; }
    figcaption { font-size: 11px; opacity: .7; max-width: 12rem; }
    """
}
