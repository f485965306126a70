internal import Files
internal import Foundation

extension PipelineConfig {
  /// The name of the checkpoint's file, without its extension, or of its folder.
  package var modelName: String {
    guard let path = ditCheckpoint else { return EmbeddedModel.name }
    let name = PipelineConfig.lastPart(of: path) as NSString
    let isFile = ["safetensors", "pt", "pth", "bin", "ckpt"].contains(name.pathExtension)
    return isFile ? name.deletingPathExtension : name as String
  }

  /// The same configuration, with the files' names in place of their paths.
  package var withoutFolders: PipelineConfig {
    var config = self
    config.ditCheckpoint = ditCheckpoint.map(PipelineConfig.lastPart)
    config.latentStatsPath = latentStatsPath.map(PipelineConfig.lastPart)
    config.guideCheckpoint = guideCheckpoint.map(PipelineConfig.lastPart)
    if case .file(let path) = autoencoder {
      config.autoencoder = .file(PipelineConfig.lastPart(of: path))
    }
    config.classNamesPath = nil
    return config
  }

  private static func lastPart(of path: String) -> String {
    (Folder.withoutTrailingSlashes(path) as NSString).lastPathComponent
  }
}
