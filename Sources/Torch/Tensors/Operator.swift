internal import CTorch

/// An argument of an operator.
public enum Argument {
  /// The default value of the schema.
  case absent
  /// `None`.
  case none
  /// `Tensor`.
  case tensor(Tensor)
  /// `Tensor?`.
  case optional(Tensor?)
  /// `Tensor[]`.
  case tensors([Tensor])
  /// `bool`.
  case bool(Bool)
  /// `int`, also for `Scalar`.
  case int(Int)
  /// `int[]`.
  case ints([Int])
  /// `float`, also for `Scalar`.
  case double(Double)
  /// `float[]`.
  case doubles([Double])
  /// `Scalar[]`.
  case scalars([Double])
  /// `str`.
  case string(String)
  /// `ScalarType?`.
  case dtype(DType?)
  /// `Device?`.
  case device(Device?)
  /// `Generator?`.
  case generator(Generator?)
}

extension Argument: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  /// An integer.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// A floating-point number.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// None.
  public init(nilLiteral: ()) { self = .none }
}

/// An operator of libtorch's dispatcher, looked up by name. Its schema converts the arguments.
///
/// All of libtorch's kernels are called this way: a new operator is one typed Swift function.
public struct Operator: Sendable {
  /// Name and overload, such as "aten::add.Tensor".
  public let name: String
  nonisolated(unsafe) private let handle: ctorch_operator

  /// Looks up an operator, such as "aten::add.Tensor" or "aten::gelu". It must exist.
  public init(_ qualifiedName: String) {
    do {
      try self.init(finding: qualifiedName)
    } catch {
      fatalError("\(error)")
    }
  }

  /// Looks up an operator that may be missing in this libtorch.
  ///
  /// - Throws: `TorchError` if it is not registered.
  public init(finding qualifiedName: String) throws {
    let parts = qualifiedName.split(separator: ".", maxSplits: 1)
    let overload = parts.count == 2 ? String(parts[1]) : ""
    var handle = ctorch_operator(handle: nil)
    try check(
      ctorch_operator_find(String(parts[0]), overload, &handle), "operator \(qualifiedName)")
    self.name = qualifiedName
    self.handle = handle
  }

  /// Calls an operator with one result.
  @discardableResult
  public func callAsFunction(_ arguments: Argument...) -> Tensor {
    call(arguments, resultCount: 1)[0]
  }

  /// Calls an operator with any number of results.
  ///
  /// - Parameters:
  ///   - arguments: in the order of the schema; trailing defaults may be left out.
  ///   - resultCount: the number of results; each tensor of a list counts.
  /// - Returns: the results.
  public func results(_ arguments: Argument..., count resultCount: Int) -> [Tensor] {
    call(arguments, resultCount: resultCount)
  }

  private func call(_ arguments: [Argument], resultCount: Int) -> [Tensor] {
    func placeholders() -> [Tensor] { (0..<resultCount).map { _ in Tensor.zeros([0]) } }
    // Kernels are not called with placeholders of failed operations.
    if ErrorScope.hasFailed, arguments.contains(where: \.isEmptyTensor) { return placeholders() }
    var lowered = LoweredArguments(arguments)
    var results: UnsafePointer<ctorch_tensor>?
    var count: Int64 = 0
    let status = lowered.withValues { values in
      withExtendedLifetime(arguments) {
        ctorch_call(handle, values.baseAddress, Int64(values.count), &results, &count)
      }
    }
    guard status == 0 else {
      report(
        TorchError(
          operation: describe(arguments), message: String(cString: ctorch_last_error())))
      return placeholders()
    }
    let tensors = UnsafeBufferPointer(start: results, count: Int(count)).map(Tensor.init(owning:))
    guard count == resultCount else {
      fatalError("\(describe(arguments)): \(count) results, \(resultCount) expected")
    }
    return tensors
  }

  /// The call for a message, with shapes in place of tensors.
  private func describe(_ arguments: [Argument]) -> String {
    let list = arguments.map { argument in
      switch argument {
      case .tensor(let tensor), .optional(let tensor?): "\(tensor.shape) \(tensor.dtype)"
      case .tensors(let tensors): "[\(tensors.map { "\($0.shape)" }.joined(separator: ", "))]"
      case .int(let value): "\(value)"
      case .ints(let values): "\(values)"
      case .double(let value): "\(value)"
      case .bool(let value): "\(value)"
      default: "_"
      }
    }
    return "\(name)(\(list.joined(separator: ", ")))"
  }
}

extension Argument {
  /// Whether it is a tensor without elements.
  fileprivate var isEmptyTensor: Bool {
    switch self {
    case .tensor(let tensor), .optional(let tensor?): tensor.count == 0
    case .tensors(let tensors): tensors.contains { $0.count == 0 }
    default: false
    }
  }
}

/// Arguments laid out for C. Lists share one array for each member type, to save allocations.
private struct LoweredArguments {
  private var values: ContiguousArray<ctorch_value> = []
  private var integers: ContiguousArray<Int64> = []
  private var numbers: ContiguousArray<Double> = []
  private var tensors: ContiguousArray<ctorch_tensor> = []
  private var text: ContiguousArray<CChar> = []

  init(_ arguments: [Argument]) {
    values.reserveCapacity(arguments.count)
    for argument in arguments { append(argument) }
  }

  private mutating func append(_ argument: Argument) {
    switch argument {
    case .absent: append(CTORCH_DEFAULT)
    case .none, .optional(nil), .generator(nil), .dtype(nil), .device(nil): append(CTORCH_NONE)
    case .tensor(let tensor), .optional(let tensor?):
      append(CTORCH_TENSOR, items: tensor.handle.impl)
    case .tensors(let list):
      append(CTORCH_TENSOR_LIST, start: tensors.count, count: list.count)
      tensors.append(contentsOf: list.map(\.handle))
    case .bool(let value): append(CTORCH_BOOL_VALUE, integer: value ? 1 : 0)
    case .int(let value): append(CTORCH_INT, integer: Int64(value))
    case .ints(let list):
      append(CTORCH_INT_LIST, start: integers.count, count: list.count)
      integers.append(contentsOf: list.map(Int64.init))
    case .double(let value): append(CTORCH_DOUBLE, number: value)
    case .doubles(let list):
      append(CTORCH_DOUBLE_LIST, start: numbers.count, count: list.count)
      numbers.append(contentsOf: list)
    case .scalars(let list):
      append(CTORCH_SCALAR_LIST, start: numbers.count, count: list.count)
      numbers.append(contentsOf: list)
    case .string(let string): append(string)
    case .dtype(let dtype?): append(CTORCH_INT, integer: Int64(dtype.rawValue))
    case .device(let device?): append(device.description)
    case .generator(let generator?): append(CTORCH_GENERATOR, items: generator.handle.impl)
    }
  }

  private mutating func append(_ string: String) {
    append(CTORCH_STRING, start: text.count, count: 1)
    text.append(contentsOf: string.utf8CString)
  }

  /// `start` is an index into the shared array; `withValues` makes it a pointer.
  private mutating func append(
    _ kind: ctorch_kind, integer: Int64 = 0, number: Double = 0, items: UnsafeRawPointer? = nil,
    start: Int = 0, count: Int = 0
  ) {
    values.append(
      ctorch_value(
        kind: kind, integer: count > 0 ? Int64(start) : integer, number: number, items: items,
        item_count: Int64(count)))
  }

  mutating func withValues<Result>(
    _ body: (UnsafeBufferPointer<ctorch_value>) -> Result
  ) -> Result {
    integers.withUnsafeBufferPointer { integers in
      numbers.withUnsafeBufferPointer { numbers in
        tensors.withUnsafeBufferPointer { tensors in
          text.withUnsafeBufferPointer { text in
            values.withUnsafeMutableBufferPointer { values in
              for i in values.indices where values[i].item_count > 0 {
                let start = Int(values[i].integer)
                switch values[i].kind {
                case CTORCH_INT_LIST: values[i].items = integers.pointer(at: start)
                case CTORCH_TENSOR_LIST: values[i].items = tensors.pointer(at: start)
                case CTORCH_STRING: values[i].items = text.pointer(at: start)
                default: values[i].items = numbers.pointer(at: start)
                }
              }
              return body(UnsafeBufferPointer(values))
            }
          }
        }
      }
    }
  }
}

extension UnsafeBufferPointer {
  fileprivate func pointer(at index: Int) -> UnsafeRawPointer? {
    baseAddress.map { UnsafeRawPointer($0 + index) }
  }
}
