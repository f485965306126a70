internal import Files

extension FileError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .inUse: "wait for it, stop it, or choose another folder"
    case .changed: "run the command again when nothing writes to it"
    case .missing, .isFolder, .notRegular, .notText, .empty, .denied, .noSpace, .noLinks, .system:
      nil
    }
  }
}
