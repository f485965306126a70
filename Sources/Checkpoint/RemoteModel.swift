internal import Files

/// A name that stands for no file here, and may stand for a model elsewhere.
public enum RemoteModel: Sendable, Equatable {
  /// A repository of the Hugging Face hub, as `owner/name`.
  case repository(String)
  /// An address on the web.
  case address(String)
  /// A file that the authors of DiT published, by its name.
  case published(String)

  /// Whether a missing path has the form of such a name: two parts of letters, digits and `-_.`, the
  /// first of which is no folder here.
  init?(missing path: String) {
    if ["https://", "http://", "hf://"].contains(where: path.hasPrefix) {
      self = .address(path)
      return
    }
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    if ["DiT-XL-2-256x256.pt", "DiT-XL-2-512x512.pt"].contains(name) {
      self = .published(name)
      return
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let isName = parts.allSatisfy { part in
      let isWord = part.allSatisfy {
        $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0))
      }
      return isWord && !(part.first ?? ".").isPunctuation
    }
    let endings = [".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".st", ".json"]
    guard parts.count == 2, isName, !endings.contains(where: path.hasSuffix),
      !Folder.exists(String(parts[0]))
    else { return nil }
    self = .repository(path)
  }
}
