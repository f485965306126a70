internal import Files
internal import Foundation

/// A half of an autoencoder that was published in two files; the raw value is the word in the file's
/// name.
public enum AutoencoderHalf: String, CaseIterable, Sendable {
  /// Images to latents.
  case encoder
  /// Latents to images.
  case decoder
}

/// The two files of an autoencoder whose halves were published apart, as
/// `taesd_encoder.safetensors` and `taesd_decoder.safetensors` are.
struct AutoencoderHalves {
  /// In the order of `AutoencoderHalf`.
  private let paths: [String]

  /// The suffixes of files that may hold weights.
  private static let endings = [".safetensors", ".pt", ".pth", ".bin", ".ckpt"]

  /// Finds the files of a folder whose names differ only in the words `encoder` and `decoder`; nil if
  /// it has none.
  ///
  /// - Throws: `CheckpointError` if a half is missing or several files could be it; `FileError`.
  init?(in folder: String) throws {
    guard Folder.exists(folder) else { return nil }
    var found: [String: [AutoencoderHalf: [String]]] = [:]
    for name in try Folder.names(in: folder) where Folder.hasFile("\(folder)/\(name)") {
      guard let ending = AutoencoderHalves.endings.first(where: name.hasSuffix) else { continue }
      let stem = name.dropLast(ending.count).lowercased().replacing("autoencoder", with: "auto")
      guard let half = AutoencoderHalf.allCases.first(where: { stem.contains($0.rawValue) }) else {
        continue
      }
      found[stem.replacing(half.rawValue, with: "*"), default: [:]][half, default: []].append(name)
    }
    guard !found.isEmpty else { return nil }
    let pairs = found.values.filter { $0.count == AutoencoderHalf.allCases.count }
    let names = found.values.flatMap(\.values).flatMap(\.self).sorted().joined(separator: ", ")
    guard !pairs.isEmpty else {
      throw CheckpointError(
        .noTensors,
        "'\(folder)' has only one half of an autoencoder (\(names)); the names of encoder and decoder"
          + " must differ only in these words")
    }
    guard pairs.count == 1, let pair = pairs.first, pair.values.allSatisfy({ $0.count == 1 }) else {
      throw CheckpointError(
        .unsupported,
        "'\(folder)' has several autoencoders (\(names)); put the two files of one into a folder of"
          + " their own")
    }
    paths = AutoencoderHalf.allCases.compactMap { pair[$0]?.first }.map { "\(folder)/\($0)" }
  }

  /// Opens the two files. Names that begin with a number, as those of an `nn.Sequential` do, get
  /// `encoder.` or `decoder.` in front.
  ///
  /// - Throws: `FileError`; `CheckpointError` if one is damaged, or has tensors of the other half too.
  func files() throws -> [CheckpointFile] {
    let files = try zip(AutoencoderHalf.allCases, paths).map { half, path in
      var file = try CheckpointFile(path, .automatic)
      file.half = half
      file.contents.notes.append(.half(half, fileName: (path as NSString).lastPathComponent))
      file.contents.entries = file.contents.entries.map { entry in
        entry.name.first?.isNumber == true
          ? entry.named("\(half.rawValue).\(entry.name)") : entry
      }
      return file
    }
    let names = files.map { Set($0.contents.entries.map(\.name)) }
    if let shared = names[0].intersection(names[1]).min() {
      let wrong = shared.hasPrefix(AutoencoderHalf.decoder.rawValue) ? 0 : 1
      throw CheckpointError(
        .unsupported,
        "'\(paths[wrong])' does not hold the \(AutoencoderHalf.allCases[wrong].rawValue) of an"
          + " autoencoder alone: '\(paths[1 - wrong])' has its tensor \(clipped(shared)) too")
    }
    return files
  }
}
