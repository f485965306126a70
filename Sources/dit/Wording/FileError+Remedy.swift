internal import Files

extension FileError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .inUse: "wait for it, stop it, or choose another folder"
    case .missing, .isFolder, .notRegular, .notText, .empty, .denied, .noSpace, .noLinks, .system:
      nil
    }
  }
}
