extension ImageFolder {
  /// Something about a folder that its owner may not expect. The description is one line.
  public enum Finding: Sendable, Equatable {
    /// The class folders in this subfolder were taken.
    case subfolder(String)
    /// `train` was taken as a class: it has one subfolder alone, whose name is also in this other class.
    case classTrain(other: String, subfolder: String)
    /// All images lie in folders below the class folders, several of them in one class. The owner may have
    /// meant these folders for classes.
    case deeperFolders([String])
    /// Classes without images, which keep their numbers.
    case emptyClasses([String])
    /// Images outside of class folders, which are left out.
    case strayImages([String])
    /// Images of kinds that are not read, which are left out.
    case unreadImages([String])
    /// Folders of systems, archive programs and file servers, which are left out.
    case systemFolders([String])
    /// Folders and images whose names begin with a dot, which are left out.
    case hiddenEntries([String])
    /// Files and folders that are not images, which are left out.
    case otherEntries([String])
  }
}

extension ImageFolder.Finding: CustomStringConvertible {
  /// One line, such as "left out 2 images ('a.png', 'b.png') outside class folders".
  public var description: String {
    switch self {
    case .subfolder(let path): "took the class folders in '\(path)'"
    case .classTrain(let other, let subfolder):
      "took 'train' for a class: it has a folder '\(subfolder)' alone, as '\(other)' has one"
    case .deeperFolders(let names):
      "images lie in \(Self.listed(names, "folder")) below the class folders; these are no classes of"
        + " their own"
    case .emptyClasses(let names): "kept \(Self.listed(names, "class")) without images"
    case .strayImages(let names):
      "left out \(Self.listed(names, "image")) outside class folders"
    case .unreadImages(let names):
      "left out \(Self.listed(names, "image")) of kinds that are not read; convert them to PNG or JPEG"
    case .systemFolders(let names):
      "left out \(Self.listed(names, "folder")) of systems and file servers"
    case .hiddenEntries(let names):
      "left out \(Self.listed(names, "entry")) whose names begin with a dot"
    case .otherEntries(let names): "left out what is no image: \(Self.listed(names, "entry"))"
    }
  }

  /// "3 classes ('a', 'b', 'c')"; at most three names.
  static func listed(_ names: [String], _ noun: String) -> String {
    let plurals = [
      "class": "classes", "image": "images", "entry": "entries", "folder": "folders",
    ]
    let word = names.count == 1 ? noun : plurals[noun] ?? noun
    let shown = names.prefix(3).map { "'\($0)'" } + (names.count > 3 ? ["..."] : [])
    return "\(names.count) \(word) (\(shown.joined(separator: ", ")))"
  }
}
