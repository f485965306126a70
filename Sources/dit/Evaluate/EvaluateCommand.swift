internal import ArgumentParser
internal import Evaluation
internal import Files
internal import Foundation
internal import Parallel
internal import Pipeline
internal import Torch

/// `dit evaluate`
struct EvaluateCommand: ParsableCommand, RepeatingCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Measure how good images are: FID, KID, precision, recall.",
    discussion: """
      The samples are a file, a folder, or new images of a model. The reference is a file with \
      statistics, as the evaluation suite of Dhariwal & Nichol 2021 has them, or a folder of images. \
      After Ctrl-C or a failure the same command goes on.

        dit evaluate --samples samples.npz --reference VIRTUAL_imagenet256_labeled.npz \\
          --features pt_inception-2015-12-05-6726825d.pth
        dit evaluate --dit-checkpoint DiT-XL-2-256x256.pt \\
          --vae-checkpoint sd-vae-ft-mse.safetensors --preset paper --workers 8 \\
          --reference VIRTUAL_imagenet256_labeled.npz --features inception.pth
        dit evaluate --samples emoji/ --reference data/emoji/ --features self --report report/
        dit evaluate --reference data/train/ --image-size 256 --features inception.pth \\
          --save-reference train-256.npz

      --features takes Inception's weights (pt_inception-2015-12-05-6726825d.pth, of the release \
      fid_weights of github.com/mseitzer/pytorch-fid), a DINOv2 ViT-B/14 or ViT-L/14 \
      (model.safetensors of facebook/dinov2-base or -large), or self: a small network that is trained \
      on the reference folder once, whose figures are comparable only with its own.
      """)

  @Option(name: [.short, .long], help: "A YAML file of options.", completion: .file()) var config:
    String?

  @Option(
    help: """
      The images: an .npz file with arr_0, or a folder, also of dit generate. Without it a model makes \
      --num-samples images.
      """, completion: .file()) var samples: String?
  @Option(help: "Images that the model makes, which are kept nowhere.") var numSamples: Int?
  @Option(
    help: "Statistics or images to compare with: an .npz file, or a folder.", completion: .file())
  var reference: String?
  @Option(
    help: "The network whose features are compared: a file of weights, or self.",
    completion: .file()) var features: String?
  @Option(
    help: """
      Figures to make, with commas between: \(MetricList.names) (default: all that features and \
      reference allow).
      """)
  var metrics: MetricList?
  @Option(
    help: "paper: 50000 samples, guidance 1.5 on 3 channels, 250 steps. Flags win.")
  var preset: EvaluationPreset?
  @Option(
    help: "Write the reference's statistics and up to 10000 of its images to this .npz file.",
    completion: .file()) var saveReference: String?
  @Option(help: "Write a page with figures and pictures to this folder.", completion: .file())
  var report: String?
  @Option(help: "Print the figures as one line of JSON.") var json = false
  @Option(
    help: "Round distances of precision and recall to 16 bits, as the evaluation suite does.")
  var suiteFloat16 = false
  @Option(
    help: """
      The folder for features until the run is done; processes on several machines share it \
      (default: in the user's cache).
      """, completion: .file()) var workPath: String?
  @Option(
    help: """
      equal: as many images of each class, in turn; random: classes are drawn by the seed (default: \
      equal with --class-labels, else random).
      """)
  var labels: GenerateCommand.LabelOrder?
  @Option(help: "Classes by number or name, with commas between (default: all).")
  var classLabels: ClassListArgument?
  @Option(help: "Images that the model makes at a time (default: 8).") var batchSize: Int?
  @OptionGroup var sampling: SamplingSettingsOptions
  @OptionGroup(title: "Several processes") var parallel: ParallelOptions
  @Option(help: "Overwrite files that are there already.") var force = false

  static func recordedOptions(_ values: [String: String]) throws -> RecordedOptions? {
    guard let preset = values["preset"].flatMap(EvaluationPreset.init(rawValue:)) else {
      return nil
    }
    return RecordedOptions(
      option: "preset", path: "--preset \(preset.rawValue)", options: preset.options)
  }

  func validate() throws {
    try Bounds.from(1, to: 10_000_000).check(numSamples, "--num-samples")
    try Bounds.batchSizes.check(batchSize, "--batch-size")
    _ = try metrics?.metrics
  }

  func run() throws {
    guard let reference else {
      throw UsageError(
        "what to compare with is missing: give --reference, an .npz file or a folder of images")
    }
    guard let features else {
      throw UsageError(
        """
        the network is missing: give --features FILE, Inception's \
        pt_inception-2015-12-05-6726825d.pth (release fid_weights of github.com/mseitzer/pytorch-fid) or \
        model.safetensors of facebook/dinov2-base or -large (huggingface.co), or --features self
        """)
    }
    guard samples == nil || preset == nil else {
      throw UsageError("--preset is for samples that a model makes, and --samples has its images")
    }
    guard samples == nil || sampling.model.ditCheckpoint == nil else {
      throw UsageError(
        "--samples has its images, and --dit-checkpoint makes new ones: give one of them")
    }
    guard samples == nil || numSamples == nil else {
      throw UsageError(
        "--samples has its images, and --num-samples makes new ones: give one of them")
    }
    guard samples != nil || numSamples != nil || saveReference != nil else {
      throw UsageError("the images are missing: give --samples FILE or FOLDER, or --num-samples N")
    }
    guard samples != nil || numSamples != nil || report == nil && !json else {
      throw UsageError("--report and --json are about samples: give --samples or --num-samples")
    }
    try checkOutputs()
    let run = EvaluateRun(
      settings: try sampling.settings(batchSize: batchSize), samples: samples, count: numSamples,
      classLabels: classLabels?.text, isDrawn: labels.map { $0 == .random }, reference: reference,
      features: features, metrics: try metrics?.metrics, suiteFloat16: suiteFloat16,
      workPath: workPath,
      savedReference: saveReference, report: report, printsJSON: json)
    ProcessMemory.prepare()
    try sampling.execution.apply()
    try parallel.run(useParallel: sampling.mindONE.useParallel) { ranks in
      if ranks.isRankZero {
        (numSamples == nil ? idleFlags : sampling.notes(run.settings)).forEach(note)
      }
      try ranks?.agree(on: self)
      try run.run(ranks)
    }
  }

  /// Notes on flags of the model and its sampler, where no model makes images.
  private var idleFlags: [String] {
    let given = Arguments.names(in: CommandLine.arguments)
    return given.intersection(EvaluateCommand.modelFlags).sorted().map {
      "--\($0) changes nothing here: no model makes images"
    }
  }

  private static let modelFlags: Set = [
    "batch-size", "cache", "cfg-channels", "class-labels", "ddim-sampling", "family",
    "guidance-interval", "guidance-scale", "guide-checkpoint", "labels", "model-name", "no-ema",
    "precision", "sampler", "sampling-steps", "seed", "vae-checkpoint",
  ]

  private func checkOutputs() throws {
    for (option, path) in [("save-reference", saveReference), ("report", report)] {
      guard let path, !force else { continue }
      guard !Folder.hasFile(path), (try? Folder.names(in: path).isEmpty) != false else {
        throw UsageError(
          "'\(path)' would be overwritten; choose another --\(option), or allow it with --force")
      }
    }
    if let saveReference {
      guard saveReference.hasSuffix(".npz") else {
        throw UsageError("--save-reference '\(saveReference)': name a file that ends in .npz")
      }
      try Folder.checkWritable(Folder.parent(of: saveReference))
    }
  }
}

/// Settings of a published evaluation.
enum EvaluationPreset: String, CaseIterable, ExpressibleByArgument {
  /// Peebles & Xie 2023, section 4: 50,000 samples, 250 steps, guidance 1.5 on 3 channels.
  case paper

  /// The settings, by the keys of configuration files.
  var options: [(key: String, value: String)] {
    switch self {
    case .paper:
      [
        ("num_samples", "50000"), ("guidance_scale", "1.5"), ("cfg_channels", "3"),
        ("sampling_steps", "250"),
      ]
    }
  }
}

/// Names of metrics with commas between.
struct MetricList: ExpressibleByArgument {
  private let text: String

  init(argument: String) { text = argument }

  /// The metrics.
  ///
  /// - Throws: `ValidationError` that names what is none.
  var metrics: [Metric] {
    get throws {
      let names = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      let metrics = names.map { (name: $0, metric: Metric(rawValue: $0.lowercased())) }
      let strange = metrics.filter { $0.metric == nil }.map { "'\($0.name)'" }
      guard strange.isEmpty, !metrics.isEmpty else {
        throw ValidationError(
          "--metrics \(text): there is no \(strange.joined(separator: ", ")), but \(MetricList.names)"
        )
      }
      return metrics.compactMap(\.metric)
    }
  }

  /// The names of all metrics.
  static var names: String { Metric.allCases.map(\.rawValue).joined(separator: ", ") }

  var defaultValueDescription: String { text }
}
