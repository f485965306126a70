// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// Where libtorch may be, in the order of the search: `LIBTORCH` alone if it is set, else the checkout's
/// `.libtorch/torch`, then the user's copy, which `make setup` of any clone makes. Which of them exist is
/// left to the compiler, because SwiftPM evaluates a manifest once and remembers the result.
let libtorchFolders: [String] = {
  if let given = Context.environment["LIBTORCH"], !given.isEmpty { return [given] }
  let given = Context.environment["XDG_DATA_HOME"] ?? ""
  let home =
    Context.environment["HOME"] ?? FileManager.default.homeDirectoryForCurrentUser.path
  let data = given.hasPrefix("/") ? given : home + "/.local/share"
  // scripts/fetch-libtorch reads the version here.
  return [
    Context.packageDirectory + "/.libtorch/torch", data + "/swift-dit/libtorch-2.13.0/torch",
  ]
}()

/// Whether our own operators are compiled. `DIT_KERNELS=off` leaves libtorch's alone, which are slower
/// and have no int8: for a processor or compiler that they do not suit, and to test the plain forms.
let hasKernels = Context.environment["DIT_KERNELS"] != "off"

/// The folders of operators in CKernels.
let kernelFolders = ["attention", "convolution", "matmul", "norm", "optimizer"]

/// Tells C++ of a build without them.
let kernelSwitch: [CXXSetting] = hasKernels ? [] : [.define("DIT_KERNELS_OFF")]

/// The commit that `dit --version` shows. `make` sets it for release builds.
let commit = Context.environment["DIT_COMMIT"] ?? ""

#if os(macOS)
  let isMac = true
#else
  let isMac = false
#endif

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
]

/// Flags for the compiler of C++ over libtorch.
let libtorchHeaders: [String] = libtorchFolders.flatMap { folder -> [String] in
  ["-isystem", folder + "/include", "-isystem", folder + "/include/torch/csrc/api/include"]
}

/// Whether the program is for a package (`scripts/package`), which knows no folder of this machine.
let isForPackage = Context.environment["DIT_PACKAGE"] == "1"

/// Flags for the linker; programs look for libtorch beside themselves first, as `make install` puts it.
let libtorchLibraries: [String] = libtorchFolders.reduce(
  into: ["-Xlinker", "-rpath", "-Xlinker", (isMac ? "@loader_path" : "$ORIGIN") + "/../lib/dit"]
) { flags, folder in
  flags.append("-L" + folder + "/lib")
  if !isForPackage { flags += ["-Xlinker", "-rpath", "-Xlinker", folder + "/lib"] }
}

/// For C++ over libtorch.
let libtorchSettings: [CXXSetting] = [
  .unsafeFlags(libtorchHeaders),
  .unsafeFlags([
    // Ends with one sentence if there is no libtorch.
    "-include", Context.packageDirectory + "/Sources/CTorch/src/libtorch_found.h",
    "-Wall", "-Wextra", "-Werror", "-O3",
  ]),
  // libtorch 2.11 for Linux is built by a compiler that names some templates as clang 17 did.
  .unsafeFlags(["-fclang-abi-compat=17"], .when(platforms: [.linux])),
]

/// Where Homebrew puts libpng and libjpeg-turbo, which macOS itself has not.
let homebrew = isMac ? "/opt/homebrew" : nil

/// A Swift library target of this package.
func library(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

/// swift-log, by which libraries tell what they found and chose.
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// The test target that mirrors the library target `name`.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name + "Tests",
    dependencies: [.init(stringLiteral: name), "TestSupport"] + dependencies,
    swiftSettings: swiftSettings)
}

let package = Package(
  name: "swift-dit",
  platforms: [.macOS(.v15)],
  products: [
    // With all modules that DiTKit re-exports: SwiftPM compiles users of the product again when one of
    // these has changed.
    .library(
      name: "DiTKit",
      targets: [
        "Checkpoint", "Diffusion", "DiTKit", "Evaluation", "ImageData", "Inference", "Layers",
        "Models", "Parallel", "Pipeline", "Torch", "Training",
      ]),
    // Apart from DiTKit, whose users need no HTTP.
    .library(name: "DiTServer", targets: ["Server"]),
    .executable(name: "dit", targets: ["dit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(
      url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .target(
      name: "CTorch",
      cxxSettings: libtorchSettings + [.headerSearchPath("src")],
      linkerSettings: [
        .unsafeFlags(libtorchLibraries),
        .linkedLibrary("torch_cpu"),
        .linkedLibrary("c10"),
      ]),
    .target(
      name: "CKernels", exclude: hasKernels ? [] : kernelFolders,
      cxxSettings: libtorchSettings + [.headerSearchPath(".")] + kernelSwitch),
    library("Torch", ["CKernels", "CTorch"]),
    library("Layers", ["Torch"]),
    library("Models", ["Layers", "Torch"]),
    library("Diffusion", ["Torch"]),
    .target(name: "CDigest", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-O3"])]),
    library("Files", ["CDigest"]),
    library("Parallel", ["Files", "Torch"]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    library("Checkpoint", ["CZlib", "Files", "Torch"]),
    .target(
      name: "CImage",
      cSettings: homebrew.map { [.unsafeFlags(["-I" + $0 + "/include"])] } ?? [],
      linkerSettings: [.linkedLibrary("png"), .linkedLibrary("jpeg")]
        + (homebrew.map { [.unsafeFlags(["-L" + $0 + "/lib"])] } ?? [])),
    library("ImageData", ["CImage", "Files", "Torch"]),
    library("Inference", ["Models", "Layers", "Torch"]),
    .target(
      name: "CEmbeddedModel",
      cSettings: [
        .unsafeFlags(["-std=c23", "--embed-dir=" + Context.packageDirectory + "/Models"])
      ]),
    library(
      "Pipeline",
      [
        "CEmbeddedModel", "Checkpoint", "Diffusion", "Files", "ImageData", "Inference", "Layers",
        "Models", "Parallel", "Torch", logging,
      ]),
    library(
      "Evaluation",
      [
        "Checkpoint", "Diffusion", "Files", "ImageData", "Inference", "Layers", "Models",
        "Parallel", "Pipeline", "Torch", logging,
      ]),
    library(
      "Training",
      [
        "Checkpoint", "Diffusion", "Evaluation", "Files", "ImageData", "Inference", "Layers",
        "Models", "Parallel", "Pipeline", "Torch", logging,
      ]),
    library(
      "DiTKit",
      [
        "Checkpoint", "Diffusion", "Evaluation", "ImageData", "Inference", "Layers", "Models",
        "Parallel", "Pipeline", "Torch", "Training", logging,
      ]),
    .target(name: "CEmbeddedPage", cSettings: [.unsafeFlags(["-std=c23"])]),
    library(
      "Server",
      [
        "CEmbeddedPage", "Checkpoint", "Diffusion", "Files", "ImageData", "Inference", "Models",
        "Pipeline", "Torch", logging,
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .target(
      name: "CStart",
      cSettings: commit.isEmpty ? [] : [.define("DIT_COMMIT", to: commit)]),
    .executableTarget(
      name: "dit",
      dependencies: [
        "Checkpoint", "CStart", "Diffusion", "Evaluation", "Files", "ImageData", "Inference",
        "Layers", "Models", "Parallel", "Pipeline", "Server", "Torch", "Training", logging,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "TestSupport", dependencies: ["Checkpoint", "Layers", "Models", "Torch"],
      path: "Tests/TestSupport", swiftSettings: swiftSettings),
    .target(
      name: "CTorchTesting", path: "Tests/CTorchTesting",
      exclude: ["emulation/convert.cuh"],
      cxxSettings: libtorchSettings + [
        .headerSearchPath("emulation"), .headerSearchPath("../../Sources/CKernels"),
      ] + kernelSwitch),
    tests("Torch", ["CTorch", "CTorchTesting"]),
    tests("Files"),
    tests("Parallel", ["Files", "Torch"]),
    tests("ImageData", ["Files", "Torch"]),
    tests("Checkpoint", ["Files", "Torch"]),
    tests("Models", ["Checkpoint", "Diffusion", "Layers", "Torch"]),
    tests("Diffusion", ["Torch"]),
    tests("Inference", ["Diffusion", "Layers", "Models", "Torch"]),
    tests(
      "Pipeline",
      [
        "Checkpoint", "Diffusion", "Files", "ImageData", "Inference", "Layers", "Models", "Torch",
        logging,
      ]),
    tests(
      "Evaluation",
      [
        "Checkpoint", "Files", "ImageData", "Inference", "Layers", "Models", "Pipeline", "Torch",
      ]),
    tests(
      "Training",
      [
        "Checkpoint", "Diffusion", "Evaluation", "Files", "ImageData", "Inference", "Layers",
        "Models",
        "Pipeline", "Torch", logging,
      ]),
    tests(
      "Server",
      [
        "Diffusion", "Files", "ImageData", "Pipeline", "Torch", logging,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    tests(
      "DiTKit",
      [
        "Checkpoint", "Diffusion", "Evaluation", "ImageData", "Inference", "Layers", "Models",
        "Parallel", "Pipeline", "Torch", "Training", logging,
      ]),
    tests("dit", ["Checkpoint", "Evaluation", "Files", "ImageData", "Pipeline", "Torch"]),
  ],
  cxxLanguageStandard: .cxx20
)
