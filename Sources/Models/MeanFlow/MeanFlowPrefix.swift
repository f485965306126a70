internal import Layers
public import Torch

// N batch, P tokens before the patches, D width.

/// What the network of improved MeanFlow is asked for.
public struct MeanFlowConditions {
  /// The span of time of the average velocity, t - r, `[N]`, 0 ... 1. With 0 it is the velocity at t.
  public var span: Tensor
  /// The guidance scale ω, `[N]`, 1 for none.
  public var guidanceScale: Tensor
  /// The end of the guidance interval next to the data, `[N]`, 0 ... 1.
  public var low: Tensor
  /// The end of the guidance interval next to the noise, `[N]`, 0 ... 1.
  public var high: Tensor
  /// Classes, `[N]`, int64, the null class included.
  public var labels: Tensor

  /// Conditions, the first four in float32.
  public init(span: Tensor, guidanceScale: Tensor, low: Tensor, high: Tensor, labels: Tensor) {
    self.span = span
    self.guidanceScale = guidanceScale
    self.low = low
    self.high = high
    self.labels = labels
  }
}

/// The tokens before the patches, which tell the conditions: learned ones, plus an embedding.
public struct MeanFlowPrefix {
  /// The learned tokens, `[count, D]` each.
  public struct Tokens {
    /// Of the span of time.
    public let time: Tensor
    /// Of the class.
    public let label: Tensor
    /// Of the guidance scale.
    public let guidance: Tensor
    /// Of the lower end of the guidance interval.
    public let low: Tensor
    /// Of its upper end.
    public let high: Tensor

    init(_ config: MeanFlowConfig, at scope: Scope) {
      let width = config.hiddenSize
      func tokens(_ name: String, _ count: Int) -> Tensor {
        scope.parameter(
          name, [count, width], .normal(standardDeviation: 1 / Double(width).squareRoot()))
      }
      time = tokens("time_tokens", config.prefix.timeCount)
      label = tokens("class_tokens", config.prefix.classCount)
      guidance = tokens("omega_tokens", config.prefix.guidanceCount)
      low = tokens("t_min_tokens", config.prefix.lowCount)
      high = tokens("t_max_tokens", config.prefix.highCount)
    }
  }

  /// The learned tokens.
  public let tokens: Tokens
  /// Embeds the span.
  public let time: TimestepEmbed
  /// Embeds 1 - 1 / ω.
  public let guidance: TimestepEmbed
  /// Embeds the lower end of the guidance interval.
  public let low: TimestepEmbed
  /// Embeds its upper end.
  public let high: TimestepEmbed
  /// `[classes + 1, D]`
  public let labels: Tensor

  /// Makes the embeddings, whose parameters come after those of the patches.
  init(_ tokens: Tokens, _ config: MeanFlowConfig, at scope: Scope) {
    let width = config.hiddenSize
    func embed(_ name: String) -> TimestepEmbed {
      let scope = scope / name
      return TimestepEmbed(
        first: Linear(flax: TimestepEmbed.frequencyCount, width, at: scope / "mlp.0"),
        second: Linear(flax: width, width, at: scope / "mlp.2"))
    }
    self.tokens = tokens
    time = embed("h_embedder")
    guidance = embed("omega_embedder")
    low = embed("cfg_t_start_embedder")
    high = embed("cfg_t_end_embedder")
    labels = (scope / "y_embedder" / "embedding_table" / "_flax_embedding").parameter(
      "weight", [config.classCount + 1, width],
      .normal(standardDeviation: 1 / Double(width).squareRoot()))
  }

  /// The tokens of conditions, `[N, P, D]`.
  public func callAsFunction(_ conditions: MeanFlowConditions) -> Tensor {
    let share = -conditions.guidanceScale.reciprocal + 1
    return concatenated(
      [
        (tokens.label, embedding(conditions.labels, table: labels)),
        (tokens.guidance, guidance(share)),
        (tokens.low, low(conditions.low)),
        (tokens.high, high(conditions.high)),
        (tokens.time, time(conditions.span)),
      ].map { $0 + $1.expandingDims(at: 1) }, axis: 1)
  }
}
