internal import Files
internal import Foundation

/// The two files of an autoencoder whose halves were published apart, as
/// `taesd_encoder.safetensors` and `taesd_decoder.safetensors` are.
struct AutoencoderHalves {
  /// One of the two; the raw value is the word in the file's name.
  private enum Half: String, CaseIterable {
    case encoder
    case decoder

    /// What the names of its parameters begin with in diffusers.
    var prefixes: [String] {
      switch self {
      case .encoder: ["encoder.", "quant_conv."]
      case .decoder: ["decoder.", "post_quant_conv."]
      }
    }
  }

  /// In the order of `Half`.
  private let paths: [String]

  /// The endings of files that may hold weights.
  private static let endings = [".safetensors", ".pt", ".pth", ".bin", ".ckpt"]

  /// The files of a folder whose names differ in the words `encoder` and `decoder` alone; nil if there
  /// is no folder, or no file of such a name.
  ///
  /// - Throws: `CheckpointError` if a half is missing or there is a choice; `FileError`.
  init?(in folder: String) throws {
    guard Folder.exists(folder) else { return nil }
    var found: [String: [Half: [String]]] = [:]
    for name in try Folder.names(in: folder) where Folder.hasFile("\(folder)/\(name)") {
      guard let ending = AutoencoderHalves.endings.first(where: name.hasSuffix) else { continue }
      let stem = name.dropLast(ending.count).lowercased().replacing("autoencoder", with: "auto")
      guard let half = Half.allCases.first(where: { stem.contains($0.rawValue) }) else { continue }
      found[stem.replacing(half.rawValue, with: "*"), default: [:]][half, default: []].append(name)
    }
    guard !found.isEmpty else { return nil }
    let pairs = found.values.filter { $0.count == Half.allCases.count }
    let names = found.values.flatMap(\.values).flatMap(\.self).sorted().joined(separator: ", ")
    guard !pairs.isEmpty else {
      throw CheckpointError(
        .noTensors,
        "'\(folder)' has but one half of an autoencoder (\(names)); encoder and decoder must have names"
          + " that differ in these words alone")
    }
    guard pairs.count == 1, let pair = pairs.first, pair.values.allSatisfy({ $0.count == 1 }) else {
      throw CheckpointError(
        .unsupported,
        "'\(folder)' has several autoencoders (\(names)); put the two files of one into a folder of"
          + " their own")
    }
    paths = Half.allCases.compactMap { pair[$0]?.first }.map { "\(folder)/\($0)" }
  }

  /// The two files, with parameters that are named as in a file of both.
  ///
  /// - Throws: `FileError`, or `CheckpointError` if one is no good, is no such half, or is of another
  ///   kind than the other.
  func files() throws -> [CheckpointFile] {
    var kinds: [KeyMap.AutoencoderKind] = []
    let files = try zip(Half.allCases, paths).map { half, path in
      var file = try CheckpointFile(path, .automatic)
      let tensors = try Checkpoint([file], path: path).stateDict
      guard let (kind, state) = KeyMap.autoencoder(tensors),
        state.keys.allSatisfy({ name in half.prefixes.contains(where: name.hasPrefix) })
      else {
        throw CheckpointError(
          .unsupported, "'\(path)' is not the \(half.rawValue) of an autoencoder, and that alone")
      }
      kinds.append(kind)
      let name = (path as NSString).lastPathComponent
      file.contents.notes.append("the \(half.rawValue) is '\(name)'")
      // TAESD's stacks by themselves have numbers alone.
      file.contents.entries = file.contents.entries.map { entry in
        entry.name.first?.isNumber == true
          ? entry.named("\(half.rawValue).\(entry.name)") : entry
      }
      return file
    }
    guard Set(kinds).count == 1 else {
      throw CheckpointError(
        .unsupported,
        "'\(paths.joined(separator: "' and '"))' are halves of different kinds of autoencoders")
    }
    return files
  }
}
