internal import CStart
internal import Torch

/// What `dit --version` prints.
enum Version {
  /// The program's version (docs/VERSIONS.md). scripts/version reads it here.
  static let number = "0.1.0"

  /// The version; then how the program was built, its libtorch, and what our kernels find in the
  /// processor.
  static var text: String {
    """
    dit \(number)
    build      \(build)
    libtorch   \(libtorch)
    processor  \(processor)
    """
  }

  private static var build: String {
    let commit = String(cString: cstart_commit())
    return [
      configuration, commit.isEmpty ? nil : "commit \(commit)",
      String(cString: cstart_target()),
      Processor.hasOwnKernels ? "own kernels" : "libtorch's operators alone",
    ].compactMap { $0 }.joined(separator: ", ")
  }

  private static var configuration: String {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }

  private static var libtorch: String {
    let (loaded, built) = (LibTorch.loadedVersion, LibTorch.version)
    return loaded == built ? loaded : "\(loaded), built for \(built)"
  }

  private static var processor: String {
    let features = Processor.features
    return features.isEmpty ? "no features that kernels ask for" : features.joined(separator: ", ")
  }
}
