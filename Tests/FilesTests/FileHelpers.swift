internal import Foundation

/// The content of a text file.
func text(of path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

/// The sorted names in a folder, hidden ones too.
func names(in folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}

/// Makes a symbolic link.
func link(_ target: String, from path: String) throws {
  try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
}

/// Whether there is a symbolic link of that name.
func isLink(_ path: String) throws -> Bool {
  try FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
    == .typeSymbolicLink
}

/// Makes a named pipe.
func makePipe(_ path: String) throws {
  guard mkfifo(path, 0o600) == 0 else { throw CocoaError(.fileWriteUnknown) }
}
