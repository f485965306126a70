internal import Files
internal import Foundation

/// The list of a large diffusers checkpoint's files.
///
/// Source: huggingface_hub, `split_torch_state_dict_into_shards`: JSON with `weight_map`, tensor
/// name to file name.
struct ShardList {
  /// The suffix of lists' names.
  static let suffix = ".index.json"

  private let path: String
  private let files: [String: String]

  /// Reads a list.
  ///
  /// - Throws: `FileError`; `CheckpointError` if it is not a list, or names files of other folders.
  init(_ path: String) throws {
    let file = try MappedFile(path)
    try PipelinePart.refuseRepeatedKey(path)
    guard let contents = try? JSONDecoder().decode(Map.self, from: Data(file.bytes)),
      !contents.weight_map.isEmpty
    else {
      throw CheckpointError(
        .damaged, "'\(path)' is not a list of a checkpoint's files: its JSON lacks 'weight_map'")
    }
    for name in contents.weight_map.values {
      let isForeign = name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 }
      guard !isForeign, !["", ".", ".."].contains(name) else {
        throw CheckpointError(
          .refused, "'\(path)' names the file \(clipped(name)), which is not in its folder")
      }
    }
    self.path = path
    files = contents.weight_map
  }

  private struct Map: Decodable {
    let weight_map: [String: String]
  }

  /// The sorted names of the files.
  var fileNames: [String] { Set(files.values).sorted() }

  /// Checks that the files, in the order of `fileNames`, have all tensors of the list.
  ///
  /// - Throws: `CheckpointError` that names a missing tensor.
  func check(_ opened: [CheckpointFile]) throws {
    let found = Dictionary(
      zip(fileNames, opened).flatMap { name, file in
        file.contents.table.tensors.map { ($0.name, name) }
      }, uniquingKeysWith: { $1 })
    for (tensor, file) in files.sorted(by: { $0.key < $1.key }) where found[tensor] != file {
      throw CheckpointError(
        .damaged,
        "'\(path)' says that tensor \(clipped(tensor)) is in '\(file)', which lacks it; were all"
          + " files copied?")
    }
  }

  /// The text of a list.
  ///
  /// - Parameters:
  ///   - files: tensor name to file name.
  ///   - byteCount: the bytes of all tensors.
  /// - Returns: the JSON.
  static func text(_ files: [String: String], byteCount: Int) -> String {
    let members = files.sorted { $0.key < $1.key }.map {
      "\n    \(JSON.string($0.key).text): \(JSON.string($0.value).text)"
    }
    return """
      {
        "metadata": {"total_size": \(byteCount)},
        "weight_map": {\(members.joined(separator: ","))
        }
      }

      """
  }
}
