internal import Files
internal import Models

/// The JSON files with which diffusers describes models, schedulers and pipelines.
enum DiffusersConfig {
  /// `config.json` of a DiT.
  ///
  /// Source: diffusers, `DiTTransformer2DModel`.
  struct Transformer: Encodable {
    let _class_name = "DiTTransformer2DModel"
    let _diffusers_version = version
    let activation_fn = "gelu-approximate"
    let attention_bias = true
    let attention_head_dim: Int
    let dropout = 0.0
    let in_channels: Int
    let norm_elementwise_affine = false
    let norm_eps = 1e-6
    let norm_num_groups = 32
    let norm_type = "ada_norm_zero"
    let num_attention_heads: Int
    let num_embeds_ada_norm: Int
    let num_layers: Int
    let out_channels: Int
    let patch_size: Int
    let sample_size: Int
    let upcast_attention = false

    init(_ config: DiTConfig) {
      attention_head_dim = config.hiddenSize / config.headCount
      in_channels = config.channelCount
      num_attention_heads = config.headCount
      num_embeds_ada_norm = config.classCount
      num_layers = config.depth
      out_channels = config.outputChannelCount
      patch_size = config.patchSize
      sample_size = config.inputSize
    }
  }

  /// `config.json` of an autoencoder.
  ///
  /// Source: diffusers, `AutoencoderKL`.
  struct Autoencoder: Encodable {
    let _class_name = "AutoencoderKL"
    let _diffusers_version = version
    let act_fn = "silu"
    let block_out_channels: [Int]
    let down_block_types: [String]
    let in_channels = 3
    let latent_channels: Int
    let latents_mean: [Double]?
    let latents_std: [Double]?
    let layers_per_block: Int
    let mid_block_add_attention: Bool
    let norm_num_groups: Int
    let out_channels = 3
    let sample_size = 256
    let scaling_factor: Double
    let shift_factor: Double?
    let up_block_types: [String]
    let use_post_quant_conv: Bool
    let use_quant_conv: Bool

    init(_ config: AutoencoderKLConfig) {
      let types = config.blockTypes
      block_out_channels = config.blockChannels
      down_block_types = types.down
      latent_channels = config.latentChannelCount
      let statistics = config.statistics
      latents_mean = statistics.deviations.isEmpty ? nil : statistics.means
      latents_std = statistics.deviations.isEmpty ? nil : statistics.deviations
      layers_per_block = config.layersPerBlock
      mid_block_add_attention = config.hasAttention
      norm_num_groups = config.groupCount
      scaling_factor = config.scaleFactor
      shift_factor = statistics.shiftFactor == 0 ? nil : statistics.shiftFactor
      up_block_types = types.up
      use_post_quant_conv = config.hasPostQuantization
      use_quant_conv = config.hasQuantization
    }
  }

  /// `scheduler_config.json`: the diffusion process of the published models.
  ///
  /// Source: diffusers, `DDIMScheduler`; Peebles & Xie 2023, section 4.
  struct Scheduler: Encodable {
    let _class_name = "DDIMScheduler"
    let _diffusers_version = version
    let beta_end = 0.02
    let beta_schedule = "linear"
    let beta_start = 0.0001
    let clip_sample = false
    let num_train_timesteps = 1000
    let prediction_type = "epsilon"
    let set_alpha_to_one = true
    let steps_offset = 0
  }

  /// `model_index.json`: the Python classes of the parts, and the names of the model's classes.
  ///
  /// Source: diffusers, `DiTPipeline`.
  struct Pipeline: Encodable {
    let _class_name = "DiTPipeline"
    let _diffusers_version = version
    let id2label: [String: String]?
    let scheduler = ["diffusers", "DDIMScheduler"]
    let transformer = ["diffusers", "DiTTransformer2DModel"]
    /// Two nulls for no autoencoder.
    let vae: [String?]

    init(classNames: [String]?, hasAutoencoder: Bool) {
      id2label = classNames.map { names in
        Dictionary(uniqueKeysWithValues: names.enumerated().map { (String($0), $1) })
      }
      vae = hasAutoencoder ? ["diffusers", "AutoencoderKL"] : [nil, nil]
    }
  }

  /// The version of diffusers that writes such files.
  private static let version = "0.39.0"

  /// The text of a file.
  static func text(_ config: some Encodable) throws -> String { try JSON.report(config) + "\n" }
}
