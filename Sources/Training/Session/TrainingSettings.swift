public import Checkpoint
internal import Diffusion
public import Inference
public import Models

/// Everything that decides a training run: data, model, recipe, output and execution.
public struct TrainingSettings: Sendable, Codable {
  /// The training data.
  public var data: DataSettings
  /// The model.
  public var model = ModelSettings()
  /// The recipe. Its `prefetches` and `recordsSteps` play no part: `execution` says the same.
  public var recipe = TrainingConfig()
  /// The length of the whole run, resumed parts included.
  public var length = Length.epochs(1400)
  /// The run folder, and when something is written to it.
  public var output: OutputSettings
  /// The device, and how steps are computed on it.
  public var execution = ExecutionSettings()
  /// Figures of samples during the run; nil for none.
  public var evaluation: EvaluationSettings?

  /// The published recipe on some data.
  public init(data: DataSettings, output: OutputSettings) {
    self.data = data
    self.output = output
  }

  /// A number of epochs or of steps.
  public enum Length: Sendable, Codable, Equatable {
    /// Passes over the data.
    case epochs(Int)
    /// Optimizer steps.
    case steps(Int)
  }

  /// The training data.
  public struct DataSettings: Sendable, Codable {
    /// A folder of class folders, a folder with a table of images, or a cache of latents.
    public var path: String
    /// The autoencoder. Required for images; a cache needs it for sample grids only.
    public var autoencoder: AutoencoderSource?
    /// Factor of the latents; the autoencoder's own if nil.
    public var scaleFactor: Double?
    /// A file with mean and deviation of each channel of the latents, as LightningDiT's code saves it; nil
    /// for those of the pretrained model, or none.
    public var latentStatsPath: String?
    /// Height and width of images in pixels; if nil those of the pretrained model or the cache, else
    /// 256.
    public var imageSize: Int?
    /// Whether half of the images are mirrored.
    public var mirrors = true
    /// Whether large JPEG files shrink while they are decoded: faster, other roundings.
    public var reducesWhileDecoding = false
    /// Threads that decode images.
    public var workerCount = 2

    /// Data at a path.
    public init(_ path: String, autoencoder: AutoencoderSource? = nil) {
      self.path = path
      self.autoencoder = autoencoder
    }
  }

  /// What turns images into the model's input.
  public enum AutoencoderSource: Sendable, Codable, Equatable {
    /// Nothing: the model learns pixels.
    case pixels
    /// An autoencoder's file, or the folder of its two halves.
    case checkpoint(String)
  }

  /// The model: a preset, a custom size, or a pretrained one. What is given twice must agree.
  public struct ModelSettings: Sendable, Codable {
    /// A published size; `DiT-XL/2` if nothing else is given.
    public var preset: DiTPreset?
    /// Width of a token.
    public var hiddenSize: Int?
    /// Number of blocks.
    public var depth: Int?
    /// Number of attention heads.
    public var headCount: Int?
    /// Height and width of a patch.
    public var patchSize: Int?
    /// The parts of the blocks; if nil as in the pretrained model, else DiT's.
    public var block: DiTBlockPreset?
    /// Whether the variance is learned; if nil as in the pretrained model, else true.
    public var learnsVariance: Bool?
    /// The checkpoint that training starts from; random weights if nil.
    public var pretrainedPath: String?
    /// Which of its weights. If nil the EMA, unless that is of a training run and still mostly the
    /// weights from before the first step.
    public var pretrainedWeights: WeightSet?

    /// `DiT-XL/2` with random weights.
    public init() {}
  }

  /// The run folder, and when something is written to it.
  public struct OutputSettings: Sendable, Codable {
    /// The run folder.
    public var path: String
    /// Where to resume; nil for a new run. A folder without a checkpoint yet begins a new run.
    public var resumption: Resumption?
    /// From one checkpoint to the next. If nil an epoch, or so many epochs that they have 500 steps.
    public var saveInterval: Length?
    /// How many checkpoints are kept.
    public var keepCount = 3
    /// Steps from one sample grid to the next; nil for none.
    public var sampleInterval: Int?
    /// Steps from one line of metrics to the next.
    public var logInterval = 1

    /// A new run in a folder.
    public init(_ path: String) { self.path = path }
  }

  /// Figures of fresh samples of the moving average during a run.
  public struct EvaluationSettings: Sendable, Codable {
    /// Steps from one evaluation to the next.
    public var interval: Int
    /// An `.npz` file of statistics or images, or a folder of images.
    public var reference: String
    /// The file of a feature network, or `self` for a judge that is trained on the reference.
    public var features: String
    /// Samples of an evaluation, the same classes and noise each time.
    public var sampleCount = 256
    /// The share of the time that evaluations may take, 0 to 1; one that would take more is left out.
    public var share = 0.1
    /// The scale of classifier-free guidance.
    public var guidanceScale = 1.5
    /// Images that a judge sees in training; nil for the usual number (`JudgeSettings`).
    public var judgeSampleCount: Int?

    /// Evaluations by a reference and a network.
    public init(interval: Int, reference: String, features: String) {
      self.interval = interval
      self.reference = reference
      self.features = features
    }

    /// UniPC of 10 steps, for speed; one step of a model of average velocities, which have guidance in them.
    func sampling(of process: DiffusionProcess) -> SamplingOptions {
      process.family.predictsAverages
        ? .oneStep : SamplingOptions(sampler: .unipc, guidance: Guidance(scale: guidanceScale))
    }
  }

  /// Where a run is resumed.
  public enum Resumption: Sendable, Codable, Equatable {
    /// At the newest checkpoint of the run folder that can be read.
    case newest
    /// At the checkpoint in this folder.
    case checkpoint(String)
  }

  /// The device, and how steps are computed on it.
  public struct ExecutionSettings: Sendable, Codable {
    /// `auto`, or libtorch's name of the device.
    public var device = "auto"
    /// Whether a GPU may compute float32 products in TF32.
    public var allowsTF32 = true
    /// Whether a GPU computes in float16, in place of the recipe's number format.
    public var usesFloat16OnGPU = false
    /// Whether the next micro-batch is loaded while a GPU computes.
    public var prefetches = true
    /// `graph` records whole steps and notes why if it cannot; nil records where possible.
    public var mode: ExecutionMode?

    /// The first GPU if there is one, else the processor.
    public init() {}
  }
}
