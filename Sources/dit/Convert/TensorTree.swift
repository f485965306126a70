internal import Checkpoint

/// The names of a file's tensors as a tree, for printing.
struct TensorTree {
  private final class Node {
    let name: String
    var tensor: String?
    var children: [Node] = []
    var places: [Substring: Int] = [:]

    init(_ name: String) { self.name = name }

    func child(_ name: Substring) -> Node {
      if let place = places[name] { return children[place] }
      places[name] = children.count
      children.append(Node(String(name)))
      return children[children.count - 1]
    }
  }

  private let root = Node("")
  /// Deeper names are not split.
  private static let maximumDepth = 16

  init(_ checkpoint: Checkpoint) {
    for entry in checkpoint.entries { add(entry.name, "\(entry.shape) \(entry.dtype)") }
    for tensor in checkpoint.foreignTensors { add(tensor.name, "\(tensor.shape) \(tensor.type)") }
  }

  private func add(_ name: String, _ facts: String) {
    let parts = name.split(
      separator: ".", maxSplits: TensorTree.maximumDepth, omittingEmptySubsequences: false)
    parts.reduce(root) { $0.child($1) }.tensor = facts
  }

  /// The tree as text, indented by two spaces a level.
  ///
  /// - Parameter showingAll: also lists blocks that are like the one before.
  /// - Returns: one line for each tensor and each branch.
  func lines(showingAll: Bool) -> [String] { members(of: root, showingAll) }

  private func members(of node: Node, _ showingAll: Bool) -> [String] {
    var lines: [String] = []
    var previous: [String]?
    var hidden: [String] = []
    func closeRun() {
      if let last = hidden.last {
        lines.append(hidden.count == 1 ? "\(last)  alike" : "\(hidden[0]) to \(last)  alike")
      }
      hidden = []
    }
    for member in node.children {
      let (child, path) = merged(member)
      let head = path + (child.tensor.map { "  " + $0 } ?? "")
      let content = members(of: child, showingAll).map { "  " + $0 }
      let isMember = Int(member.name) != nil && !member.children.isEmpty
      // Everything except the number.
      let likeness = [String(head.dropFirst(member.name.count))] + content
      if isMember, !showingAll, previous == likeness {
        hidden.append(member.name)
        continue
      }
      closeRun()
      previous = isMember ? likeness : nil
      lines.append(head)
      lines += content
    }
    closeRun()
    return lines
  }

  /// The first branch or tensor below a node, and the path to it.
  private func merged(_ node: Node) -> (Node, String) {
    var (last, path) = (node, node.name)
    while last.tensor == nil, last.children.count == 1 {
      last = last.children[0]
      path += "." + last.name
    }
    return (last, path)
  }
}
