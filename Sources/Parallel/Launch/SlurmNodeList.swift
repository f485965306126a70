/// Slurm's compressed list of hosts, such as `node[003-010,012],login1`.
enum SlurmNodeList {
  /// The first host; nil for an empty list.
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
          return name + (rest(of: list).flatMap(firstNode(of:)) ?? "")
        } else {
          return name.isEmpty ? nil : name
        }
      default: name.append(character)
      }
    }
    return name.isEmpty ? nil : name
  }

  /// The text after the first brackets.
  private static func rest(of list: String) -> String? {
    list.firstIndex(of: "]").map { String(list[list.index(after: $0)...]) }
  }
}
