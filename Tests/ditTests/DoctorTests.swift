internal import Files
internal import Foundation
internal import TestSupport
internal import Testing
internal import Torch

@testable internal import dit

@Suite struct DoctorTests {
  private static let hasGPU = (try? CUDA.driver().gpus.isEmpty) == false

  private func report(
    _ arguments: [String] = [], environment: [String: String] = [:], status: Int32 = 0
  ) throws -> [String: Any] {
    let result = try dit(["doctor", "--json"] + arguments, environment: environment)
    #expect(result.status == status, "\(result.errors)")
    let json = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    return try #require(json as? [String: Any])
  }

  private func precisions(_ report: [String: Any]) throws -> [String: [String: Any]] {
    let list = try #require(report["precisions"] as? [[String: Any]])
    return Dictionary(uniqueKeysWithValues: list.map { ($0["precision"] as? String ?? "", $0) })
  }

  @Test func describesLibtorchAndTheProcessor() throws {
    let report = try report(["--device", "cpu"])
    let libtorch = try #require(report["libtorch"] as? [String: Any])
    #expect(libtorch["version"] as? String == LibTorch.loadedVersion)
    #expect(libtorch["folder"] as? String == LibTorch.folder)
    let processor = try #require(report["processor"] as? [String: Any])
    #expect(processor["threads"] as? Int == 1)
    #expect(processor["cores"] as? Int == ProcessInfo.processInfo.activeProcessorCount)
    #expect(processor["features"] as? [String] == Processor.features)
    #expect(processor["libtorch_kernels"] as? String == LibTorch.kernelSet)
    #expect(report["device"] as? String == "cpu")
  }

  @Test(arguments: [
    [:], ["GOMP_SPINCOUNT": "77"], ["OMP_WAIT_POLICY": "passive"],
  ]) func saysHowThreadsWait(environment: [String: String]) throws {
    let processor = try report(["--device", "cpu"], environment: environment)["processor"]
    let waiting = try #require((processor as? [String: Any])?["waiting"] as? String)
    let chosen = environment.map { "\($0.key)=\($0.value)" }.first
    #expect(waiting == chosen ?? "GOMP_SPINCOUNT=2000")
  }

  @Test func saysWhatEachPrecisionWillDo() throws {
    let found = try precisions(try report(["--device", "cpu"]))
    #expect(Set(found.keys).isSuperset(of: ["auto", "fp32", "bf16", "fp16", "int8", "fp8"]))
    #expect(found["fp32"]?["runs_as"] as? String == "fp32")
    #expect(
      found["auto"]?["runs_as"] as? String == (Device.cpu.capabilities.bfloat16 ? "bf16" : "fp32"))
    #expect((found["int8"]?["runs_as"] != nil) == Device.cpu.capabilities.int8)
    #expect(found["fp8"]?["runs_as"] == nil)
    #expect(try #require(found["fp8"]?["remark"] as? String).contains("NVIDIA GPUs"))
  }

  @Test(.ownKernels) func knowsThatFloat32StandsInForBytes() throws {
    for (value, hint) in [("1", "float32 stands in"), ("0", "AVX512_VNNI")] {
      let environment = ["DIT_EMULATE_INT8": value]
      let int8 = try precisions(try report(["--device", "cpu"], environment: environment))["int8"]
      let isThere = Processor.features.contains("AVX512_VNNI")
      #expect(try #require(int8?["remark"] as? String).contains(isThere ? "in hardware" : hint))
      #expect((int8?["runs_as"] != nil) == (isThere || value == "1"))
    }
  }

  @Test(.enabled(if: !hasGPU)) func saysWhyThereIsNoGPU() throws {
    let report = try report()
    #expect(report["device"] as? String == "cpu")
    let cuda = try #require(report["cuda"] as? [String: Any])
    #expect(!(try #require(cuda["problem"] as? String).isEmpty))
    #expect((cuda["gpus"] as? [Any])?.isEmpty == true)
  }

  @Test(.enabled(if: !hasGPU)) func failsAfterTheReportWithoutTheDeviceThatWasAskedFor() throws {
    let report = try report(["--device", "cuda"], status: 1)
    #expect(report["device"] == nil)
    #expect(try #require(report["device_problem"] as? String).contains("device 'cuda'"))
    #expect((report["precisions"] as? [Any])?.isEmpty == true)
    let result = try dit(["doctor", "--device", "cuda"])
    #expect(result.status == 1)
    #expect(result.output.contains("device        device 'cuda'"), "\(result.output)")
    #expect(result.errors.hasPrefix("Error: device 'cuda'"), "\(result.errors)")
  }

  @Test func namesTheLauncher() throws {
    let variables = [
      "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1",
      "MASTER_PORT": "29500",
    ]
    let launcher = try #require(try report(environment: variables)["launcher"] as? [String: Any])
    #expect(launcher["rank"] as? Int == 3 && launcher["processes"] as? Int == 4)
    let incomplete = try report(environment: ["RANK": "3"])["launcher"] as? [String: Any]
    #expect(try #require(incomplete?["problem"] as? String).contains("WORLD_SIZE"))
  }

  @Test func writesLinesForTheEye() throws {
    let result = try dit(["doctor", "--device", "cpu"])
    #expect(result.status == 0 && result.errors.isEmpty)
    for text in ["libtorch", LibTorch.folder, "processor", "NVIDIA", "device        cpu", "fp8"] {
      #expect(result.output.contains(text), "\(result.output)")
    }
  }

  /// What a GPU falls back to, computed here.
  @Test func comparesPlainOperatorsWithTheKernels() throws {
    let checks = try #require(
      try report(["--device", "cpu", "--check"])["checks"] as? [[String: Any]])
    let names = checks.compactMap { $0["name"] as? String }
    for name in [
      "forward graph fp32", "heun of ten steps fp32", "gradients fp32", "three steps fp32, whole",
    ] {
      #expect(names.contains(name), "\(names)")
    }
    for check in checks {
      #expect(check["is_passed"] as? Bool == true, "\(check)")
      let isExact = try !#require(check["name"] as? String).contains("bf16")
      #expect(try #require(check["error"] as? Double) < (isExact ? 1e-3 : 1e-1))
    }
  }

  @Test func showsAComparisonThatFails() {
    struct Failure: Error, CustomStringConvertible { let description = "out of memory" }
    let failed = DeviceCheck.Outcome("decoding float32", limit: 1e-4) { throw Failure() }
    #expect(!failed.isPassed && failed.error == nil && failed.note == "out of memory")
    #expect(failed.line == "FAILED  decoding float32: no result, out of memory")
    let far = DeviceCheck.Outcome("x", limit: 0.5) { (1, "replayed") }
    #expect(far.line == "FAILED  x: error 1.0e+00 of at most 5e-01, replayed")
    #expect(DeviceCheck.Outcome("x", limit: 0.5) { (0.25, nil) }.isPassed)
  }

  @Test func refusesADeviceThatIsNone() throws {
    let result = try dit(["doctor", "--device", "gpu0"])
    #expect(result.status == 64 && result.errors.contains("known are auto, cpu, cuda"))
  }
}

@Suite struct DevicePluginTests {
  @Test(arguments: [["sample"], ["benchmark", "sample"], ["doctor"]])
  func explainsAPluginThatDoesNotOpen(_ command: [String]) throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("no library", to: folder + "/plugin.so")
      for name in ["plugin.so", "absent.so"] {
        let result = try dit(command + ["--device-plugin", "\(folder)/\(name)"], in: folder)
        #expect(result.status == 1)
        #expect(
          result.errors.contains("Error: device plug-in '\(folder)/\(name)'"), "\(result.errors)")
        #expect(result.output.isEmpty)
      }
    }
  }

  @Test func isAKeyOfTheConfigurationFile() throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("device_plugin: /no/such.so\ntf32: false\n", to: folder + "/a.yaml")
      let result = try dit(["sample", "-c", "a.yaml"], in: folder)
      #expect(result.status == 1 && result.errors.contains("'/no/such.so'"), "\(result.errors)")
    }
  }
}
