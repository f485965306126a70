/// Slurm's short form of a list of machines, as `node[003-010,012],login1`.
enum SlurmNodeList {
  /// The name of the first machine; nil for an empty list.
  static func firstNode(of list: String) -> String? {
    var name = ""
    var isInside = false
    for character in list {
      switch character {
      case "[" where !isInside: isInside = true
      case ",", "-", "]":
        // In brackets the first number is whole; outside, a dash belongs to the name.
        if !isInside, character == "-" {
          name.append(character)
        } else if isInside {
          return name + suffix(of: list)
        } else {
          return name.isEmpty ? nil : name
        }
      default: name.append(character)
      }
    }
    return name.isEmpty ? nil : name
  }

  /// What follows the first brackets, up to a comma.
  private static func suffix(of list: String) -> String {
    guard let end = list.firstIndex(of: "]") else { return "" }
    return String(list[list.index(after: end)...].prefix { $0 != "," })
  }
}
