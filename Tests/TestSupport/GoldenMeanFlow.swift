internal import Foundation
public import Models
public import Torch

/// The golden network of improved MeanFlow.
public struct GoldenMeanFlow {
  private struct Header: Decodable {
    let order: [String]
    let guidance: [Double]
    let channels: Int
    let classes: Int
    let depth: Int
    let head_depth: Int
    let heads: Int
    let hidden_size: Int
    let input_size: Int
    let patch_size: Int
    let class_tokens: Int
    let omega_tokens: Int
    let t_min_tokens: Int
    let t_max_tokens: Int
    let time_tokens: Int
  }

  /// The tensors of the file.
  public let values: GoldenValues
  /// The parameters in the order of the published code.
  public let order: [String]
  /// The scale, and the lower and upper end of the interval, of the sampled latents.
  public let guidance: [Double]
  /// The shape of the network, with both heads.
  public let config: MeanFlowConfig

  /// Opens the file.
  public init() throws {
    values = try GoldenValues("meanflow")
    let header: Header = try values.header()
    (order, guidance) = (header.order, header.guidance)
    config = MeanFlowConfig(
      inputSize: header.input_size, channelCount: header.channels, patchSize: header.patch_size,
      hiddenSize: header.hidden_size, depth: header.depth, headDepth: header.head_depth,
      headCount: header.heads, classCount: header.classes,
      prefix: .init(
        classCount: header.class_tokens, guidanceCount: header.omega_tokens,
        lowCount: header.t_min_tokens, highCount: header.t_max_tokens,
        timeCount: header.time_tokens), hasVelocityHead: true)
  }

  /// The parameters that sampling needs.
  public var samplingWeights: [String: Tensor] {
    values.weights.filter { !$0.key.hasPrefix("v_") }
  }

  /// The shape of the network without the head that only training needs.
  public var samplingConfig: MeanFlowConfig {
    var config = config
    config.hasVelocityHead = false
    return config
  }

  /// What the golden outputs were asked for.
  public var conditions: MeanFlowConditions {
    MeanFlowConditions(
      span: values["span"], guidanceScale: values["omega"], low: values["low"],
      high: values["high"], labels: values["y"])
  }
}
