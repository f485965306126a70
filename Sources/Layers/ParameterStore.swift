public import Torch

/// The parameters of a model under their state-dict names, in the order in which they were made.
///
/// Layers ask for their parameters through a `Scope`. The store initializes the values at random, takes
/// them from a state dict, or keeps shapes only.
public final class ParameterStore {
  /// Where values come from.
  public enum Source {
    /// Each parameter's initializer, with a CPU generator.
    case initialize(Generator, dtype: DType = .float32, device: Device = .cpu)
    /// A state dict: name to tensor. Tensors are copied only to change their type or device.
    case load([String: Tensor], dtype: DType? = nil, device: Device = .cpu)
    /// The results of a closure, which may apply the initializer.
    case computed((_ shape: [Int], _ initializer: Initializer) -> Tensor)
    /// Tensors without storage, to count parameters and compare shapes.
    case shapes
  }

  /// All differences between a state dict and a model: missing, unexpected and mismatched parameters.
  public struct Mismatch: Error, CustomStringConvertible, Equatable {
    /// Parameters of the model that the state dict lacks.
    public var missing: [String] = []
    /// Names in the state dict that the model lacks.
    public var unexpected: [String] = []
    /// Parameters of another shape: "name: [2] in the file, [3] in the model".
    public var mismatched: [String] = []

    /// No differences.
    public init() {}

    /// The three lists, long ones with a line for each name and shortened in the middle.
    public var description: String {
      let lists = [
        ("missing", missing), ("unexpected", unexpected), ("of another shape", mismatched),
      ].filter { !$0.1.isEmpty }
      let isLong = lists.contains { $0.1.count > Mismatch.lineLimit }
      return lists.map { kind, names in
        let shown = Mismatch.shortened(names)
        return "\(names.count) \(kind):"
          + (isLong ? shown.map { "\n  " + $0 }.joined() : " " + shown.joined(separator: ", "))
      }.joined(separator: isLong ? "\n" : "; ")
    }

    /// Names of a list that fit on a line.
    private static let lineLimit = 3

    private static func shortened(_ names: [String]) -> [String] {
      let limit = 12
      guard names.count > limit else { return names }
      return names.prefix(limit - 2) + [
        "... (\(names.count - limit + 1) more)", names[names.count - 1],
      ]
    }
  }

  /// Names in the order of creation, which is that of PyTorch's `Module.parameters()`.
  public private(set) var names: [String] = []
  private var tensors: [String: Tensor] = [:]
  private let source: Source
  private var mismatch = Mismatch()

  /// An empty store.
  public init(_ source: Source) { self.source = source }

  /// The root scope: names without prefix.
  public var root: Scope { Scope(store: self, path: "") }

  /// The parameter of a name; nil if the model has no such parameter.
  public subscript(name: String) -> Tensor? { tensors[name] }

  /// All parameters in the order of creation.
  public var parameters: [Tensor] { names.compactMap { tensors[$0] } }

  /// The number of elements of all parameters.
  public var elementCount: Int { parameters.reduce(0) { $0 + $1.count } }

  /// The parameters as a state dict.
  public var stateDict: [String: Tensor] { tensors }

  /// Checks that the state dict has exactly the model's parameters. Call it after the model is made.
  ///
  /// - Parameter ignoring: returns true for unexpected names to accept.
  /// - Throws: `Mismatch`.
  public func verifyLoaded(ignoring: (String) -> Bool = { _ in false }) throws {
    guard case .load(let values, _, _) = source else { return }
    var result = mismatch
    result.unexpected = values.keys.filter { tensors[$0] == nil && !ignoring($0) }.sorted()
    guard result == Mismatch() else { throw result }
  }

  fileprivate func make(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Tensor {
    guard tensors[name] == nil else { fatalError("parameter '\(name)' is made twice") }
    let tensor = value(name, shape, initializer)
    names.append(name)
    tensors[name] = tensor
    return tensor
  }

  private func value(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Tensor {
    switch source {
    case .initialize(let generator, let dtype, let device):
      return withoutGradients { initializer(shape, generator: generator).to(dtype).to(device) }
    case .computed(let compute):
      return withoutGradients { compute(shape, initializer) }
    case .shapes:
      return .empty(shape, device: .meta)
    case .load(let values, let dtype, let device):
      guard let value = values[name] else {
        mismatch.missing.append(name)
        return .empty(shape, device: .meta)
      }
      guard value.shape == shape else {
        mismatch.mismatched.append("\(name): \(value.shape) in the file, \(shape) in the model")
        return .empty(shape, device: .meta)
      }
      return value.to(dtype ?? value.dtype).to(device)
    }
  }
}

/// A node in a model's tree of names; parameters are made at it.
public struct Scope {
  let store: ParameterStore
  let path: String

  /// A child scope: `scope / "attn"`.
  public static func / (scope: Scope, name: String) -> Scope {
    Scope(store: scope.store, path: scope.path.isEmpty ? name : scope.path + "." + name)
  }

  /// The scope of a list element: `scope / "blocks" / 3`.
  public static func / (scope: Scope, index: Int) -> Scope { scope / String(index) }

  /// Makes the parameter `name` of this scope.
  public func parameter(_ name: String, _ shape: [Int], _ initializer: Initializer) -> Tensor {
    store.make((self / name).path, shape, initializer)
  }
}
