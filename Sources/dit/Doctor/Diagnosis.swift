internal import Foundation
internal import Inference
internal import Parallel
internal import Pipeline
internal import Torch

/// The findings of `dit doctor`.
struct Diagnosis: Encodable {
  struct Library: Encodable {
    let version: String
    let builtAgainst: String
    let folder: String
    let hasCuda: Bool
  }

  struct ProcessorReport: Encodable {
    let name: String?
    let cores: Int
    let threads: Int
    /// How threads of libgomp wait for work: `GOMP_SPINCOUNT` or `OMP_WAIT_POLICY`.
    let waiting: String
    let memoryBytes: UInt64
    let features: [String]
    let libtorchKernels: String
    let products: String
  }

  struct GPU: Encodable {
    let name: String
    let memoryBytes: Int
    let computeCapability: String
    let multiprocessors: Int
  }

  struct CUDAReport: Encodable {
    var driver: String?
    var gpus: [GPU] = []
    let library: String?
    let kernelLibrary: String?
    var problem: String?
  }

  struct Launcher: Encodable {
    var name: String?
    var rank: Int?
    var processes: Int?
    var problem: String?
  }

  struct PrecisionReport: Encodable {
    let precision: String
    /// The precision that it becomes; nil if it is refused.
    let runsAs: String?
    let remark: String
  }

  let libtorch: Library
  let processor: ProcessorReport
  let cuda: CUDAReport
  let launcher: Launcher?
  /// The device; nil if it cannot be used.
  let device: String?
  let deviceProblem: String?
  let precisions: [PrecisionReport]
  /// The comparison with the processor; nil without `--check`.
  var checks: [DeviceCheck.Outcome]?

  /// Examines the machine.
  ///
  /// - Parameters:
  ///   - name: the device.
  ///   - plugin: a library to open first.
  /// - Throws: `PipelineError` for an unknown device or a plug-in that does not open.
  init(device name: String, plugin: String?) throws {
    if let plugin { try DeviceSelection.openPlugin(plugin) }
    libtorch = Library(
      version: LibTorch.loadedVersion, builtAgainst: LibTorch.version, folder: LibTorch.folder,
      hasCuda: CUDA.libraryPath != nil)
    processor = ProcessorReport(
      name: Processor.name, cores: ProcessInfo.processInfo.activeProcessorCount,
      threads: LibTorch.threadCount, waiting: Diagnosis.waiting(),
      memoryBytes: ProcessInfo.processInfo.physicalMemory,
      features: Processor.features, libtorchKernels: LibTorch.kernelSet,
      products: Diagnosis.products)
    launcher = Diagnosis.launcher()
    let chosen: Device?
    do {
      chosen = try DeviceSelection.openDevice(name)
      deviceProblem = nil
    } catch let error as PipelineError where !error.isSetting {
      chosen = nil
      deviceProblem = error.wording
    }
    device = chosen?.description
    cuda = Diagnosis.cuda()
    let shown: [Precision] = [.auto, .fp32, .bf16, .fp16, .int8, .fp8]
    precisions = chosen.map { device in shown.map { PrecisionReport($0, on: device) } } ?? []
  }

  private static var products: String {
    guard Processor.hasOwnKernels else { return "libtorch's (built without our kernels)" }
    return PackedLinear.hasOwnProducts
      ? "our own, on packed weights (AVX2)" : "oneDNN's, on packed weights"
  }

  /// The variable that decides how threads wait, and its value.
  private static func waiting() -> String {
    let variables = ProcessInfo.processInfo.environment
    let names = ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"]
    return names.compactMap { name in variables[name].map { "\(name)=\($0)" } }.first
      ?? "libgomp's own choice"
  }

  private static func cuda() -> CUDAReport {
    var report = CUDAReport(library: CUDA.libraryPath, kernelLibrary: CUDA.kernelLibraryPath)
    do {
      let driver = try CUDA.driver()
      report.driver = driver.version
      report.gpus = driver.gpus.map {
        GPU(
          name: $0.name, memoryBytes: $0.memory,
          computeCapability: "\($0.capability.major).\($0.capability.minor)",
          multiprocessors: $0.multiprocessorCount)
      }
      if driver.gpus.isEmpty {
        report.problem = "the NVIDIA driver lets this program use no GPU"
      } else if report.library == nil {
        report.problem = "the libtorch in '\(LibTorch.folder)' was built without CUDA"
      }
    } catch let error as TorchError {
      report.problem = error.message
    } catch {
      report.problem = "\(error)"
    }
    return report
  }

  private static func launcher() -> Launcher? {
    do {
      guard let process = try LaunchVariables(ProcessInfo.processInfo.environment).process() else {
        return nil
      }
      return Launcher(name: process.launcher, rank: process.rank, processes: process.worldSize)
    } catch {
      return Launcher(problem: "\(error)")
    }
  }
}

extension Diagnosis.PrecisionReport {
  /// The fate of a precision in mode graph.
  init(_ asked: Precision, on device: Device) {
    precision = asked.name
    do {
      let settled = try DeviceSelection.settledPrecision(asked, in: .graph, on: device)
      runsAs = settled.name
      remark = Self.remark(settled, device)
    } catch let error as PipelineError {
      runsAs = nil
      remark = error.message
    } catch {
      runsAs = nil
      remark = "\(error)"
    }
  }

  private static func remark(_ precision: Precision, _ device: Device) -> String {
    switch precision {
    case .auto, .fp32:
      return device.capabilities.tf32 ? "products in TF32, or exactly with --tf32 false" : "exact"
    case .bf16:
      guard DeviceSelection.lacksBFloat16(device) else { return "in hardware" }
      return "without hardware for it: slower than fp32"
    case .fp16: return "in hardware"
    case .int8, .int8WithFloatFC2:
      return Processor.emulatesInt8
        ? "float32 stands in for it (DIT_EMULATE_INT8): slow" : "in hardware"
    case .fp8: return "in hardware"
    }
  }
}

extension Diagnosis {
  /// The findings as text, without the comparison.
  var lines: [String] {
    let memory = { (bytes: Int) in String(format: "%.1f GiB", Double(bytes) / 0x1p30) }
    var lines = [
      "libtorch      \(libtorch.version) in \(libtorch.folder)"
        + (libtorch.hasCuda ? ", with CUDA" : ", without CUDA"),
      "processor     \(processor.name ?? "unknown"), \(processor.cores) logical cores,"
        + " \(processor.threads) threads, \(memory(Int(clamping: processor.memoryBytes)))",
      "              \(processor.features.joined(separator: " "))",
      "              waiting threads: \(processor.waiting)",
      "              matrix products: \(processor.products); libtorch's kernels:"
        + " \(processor.libtorchKernels)",
    ]
    if libtorch.version != libtorch.builtAgainst {
      lines.append("              warning: the program was built for \(libtorch.builtAgainst)")
    }
    lines.append("NVIDIA        " + (cuda.driver.map { "driver for CUDA \($0)" } ?? "no driver"))
    for (index, gpu) in cuda.gpus.enumerated() {
      lines.append(
        "              cuda:\(index) \(gpu.name), \(memory(gpu.memoryBytes)), compute capability"
          + " \(gpu.computeCapability), \(gpu.multiprocessors) multiprocessors")
    }
    if let problem = cuda.problem { lines.append("              \(problem)") }
    lines.append(
      "              graphs and kernels: "
        + (cuda.kernelLibrary ?? "no libdit_cuda.so beside the program (scripts/build-cuda)"))
    switch launcher {
    case nil: lines.append("launcher      none")
    case let launcher?:
      lines.append(
        "launcher      "
          + (launcher.problem
            ?? "\(launcher.name ?? "unknown"), rank \(launcher.rank.map(String.init) ?? "not given")"
            + " of \(launcher.processes ?? 1)"))
    }
    lines.append("device        \(device ?? deviceProblem ?? "none")")
    return lines
      + precisions.map { report in
        let name = report.precision.padding(toLength: 14, withPad: " ", startingAt: 0)
        guard let runsAs = report.runsAs else { return name + "refused: " + report.remark }
        return name + (runsAs == report.precision ? "" : "\(runsAs), ") + report.remark
      }
  }
}
