internal import Foundation

/// The items of a list of classes: text between commas.
///
/// An item in quotation marks is a name, also if it has commas or is a number (RFC 4180: a mark inside is
/// doubled).
struct ClassLabelItems {
  /// One item.
  struct Item {
    /// Without spaces around.
    let text: String
    /// What stands in quotation marks; nil for an item without.
    var quoted: String?

    /// The class that it gives as a number; nil for a name.
    var number: Int? { quoted == nil ? Int(text) : nil }
  }

  /// The items, one at least.
  let items: [Item]

  /// Splits a list.
  init(_ text: String) {
    var items: [Item] = []
    var rest = Substring(text)
    while true {
      rest = rest.drop(while: \.isWhitespace)
      let quoted = ClassLabelItems.quoted(rest)
      let end = quoted?.after.startIndex ?? rest.firstIndex(of: ",") ?? rest.endIndex
      let text = rest[..<end].trimmingCharacters(in: .whitespacesAndNewlines)
      items.append(Item(text: text, quoted: quoted?.name))
      rest = rest[end...]
      guard rest.first == "," else { break }
      rest = rest.dropFirst()
    }
    self.items = items
  }

  /// A name as an item that stands for it alone.
  static func quoted(_ name: String) -> String {
    "\"" + name.replacing("\"", with: "\"\"") + "\""
  }

  /// The name in quotation marks at the start of a text, and what follows, from the comma on; nil if the
  /// marks do not enclose an item.
  private static func quoted(_ text: Substring) -> (name: String, after: Substring)? {
    guard text.first == "\"" else { return nil }
    var name = ""
    var rest = text.dropFirst()
    while let character = rest.popFirst() {
      if character != "\"" {
        name.append(character)
      } else if rest.first == "\"" {
        name.append("\"")
        rest = rest.dropFirst()
      } else {
        rest = rest.drop(while: \.isWhitespace)
        return rest.isEmpty || rest.first == "," ? (name, rest) : nil
      }
    }
    return nil
  }
}
