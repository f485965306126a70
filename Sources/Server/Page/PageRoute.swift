internal import CEmbeddedPage
internal import Files
internal import Foundation

/// The page at `/`: one HTML file with its style sheet and scripts in it.
package enum PageRoute {
  /// The HTML, in UTF-8.
  package static var html: [UInt8] { Array(page.html.utf8) }

  /// The value of `Content-Security-Policy`: only what the page has in it runs, and it asks no other server.
  package static var contentSecurityPolicy: String { page.policy }

  private static let page = join(files)

  /// The files by name.
  private static var files: [String: String] {
    let files = UnsafeBufferPointer(start: embedded_page_files, count: embedded_page_file_count)
    return Dictionary(
      uniqueKeysWithValues: files.map { file in
        let bytes = UnsafeBufferPointer(start: file.bytes, count: file.size)
        return (String(cString: file.name), String(decoding: bytes, as: UTF8.self))
      })
  }

  /// Puts the style sheet and the scripts that `page.html` names in their places.
  private static func join(_ files: [String: String]) -> (html: String, policy: String) {
    var (styles, scripts): ([String], [String]) = ([], [])
    func content(_ name: Substring) -> String {
      guard let content = files[String(name)] else { fatalError("page.html names '\(name)'") }
      return content
    }
    let html = (files["page.html"] ?? "")
      .replacing(/<link rel="stylesheet" href="([^"]*)">/) { match in
        let style = content(match.1)
        styles.append(source(style))
        return "<style>\(style)</style>"
      }
      .replacing(/<script src="([^"]*)"><\/script>/) { match in
        let script = content(match.1)
        scripts.append(source(script))
        return "<script>\(script)</script>"
      }
    let policy = [
      "default-src 'none'", "style-src " + styles.joined(separator: " "),
      "script-src " + scripts.joined(separator: " "), "connect-src 'self'", "img-src data: blob:",
      "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ]
    return (html, policy.joined(separator: "; "))
  }

  /// A source of the policy that stands for one text.
  private static func source(_ text: String) -> String {
    var digest = SHA256()
    Array(text.utf8).withUnsafeBytes { digest.add($0) }
    return "'sha256-\(Data(digest.bytes()).base64EncodedString())'"
  }
}
