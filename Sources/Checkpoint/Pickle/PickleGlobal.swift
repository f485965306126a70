internal import Torch

/// A Python name in a pickle; none is ever called.
enum PickleGlobal: Equatable {
  /// A class whose instances are dicts: `OrderedDict`, `defaultdict`, `Counter`.
  case dictionary
  /// `set` and `frozenset`.
  case set
  /// A plain type, such as the factory of a `defaultdict`.
  case type
  /// `argparse.Namespace`.
  case namespace
  /// `_codecs.encode`, with which old protocols spell bytes.
  case encode
  /// `bytes` and `bytearray`.
  case bytes
  /// `torch._utils._rebuild_tensor_v2`: the storage has the element type.
  case rebuildTensor
  /// `torch._utils._rebuild_tensor_v3`: the element type is an argument.
  case rebuildTypedTensor
  /// `torch._utils._rebuild_parameter`, also `..._with_state`, for a parameter with attributes.
  case rebuildParameter
  /// `torch._tensor._rebuild_from_type_v2`: another call, and attributes of its result.
  case rebuildWithAttributes
  /// `torch._utils._rebuild_qtensor`: integers with a scale.
  case rebuildQuantized
  /// `torch._utils._rebuild_sparse_tensor`, of any layout.
  case rebuildSparse
  /// `torch._utils._rebuild_nested_tensor`: tensors of several sizes in one.
  case rebuildNested
  /// `torch._utils._rebuild_meta_tensor_no_storage`: sizes without numbers.
  case rebuildMeta
  /// `numpy.dtype`.
  case numPyType
  /// `numpy.core.multiarray._reconstruct`, an array that gets its numbers as attributes.
  case numPyArray
  /// `numpy.core.numeric._frombuffer`, an array of protocol 5.
  case numPyBuffer
  /// `torch.Size`.
  case size
  /// `torch.device`.
  case device
  /// An element type such as `torch.float32`.
  case elementType(PickleElementType)
  /// A storage class such as `torch.FloatStorage`; nil for bytes without a type.
  case storage(PickleElementType?)

  /// Any other class or function; what it would make is left out.
  case other(module: String, name: String)

  /// Finds a name.
  ///
  /// - Throws: `CheckpointError` for a name whose call would run commands or other code.
  init(module: String, name: String) throws {
    guard !PickleGlobal.runsCode(module, name) else { throw PickleGlobal.refusal(module, name) }
    self = PickleGlobal.find(module, name) ?? .other(module: module, name: name)
  }

  /// Packages whose functions start programs, change files or load code.
  private static let dangerousPackages: Set<Substring> = [
    "bdb", "cProfile", "code", "commands", "ctypes", "importlib", "marshal", "nt", "os", "pdb",
    "pickle", "pip", "popen2", "posix", "profile", "pty", "runpy", "shutil", "socket", "subprocess",
    "sys", "timeit", "webbrowser",
  ]
  private static let dangerousFunctions: Set = [
    "__import__", "apply", "breakpoint", "compile", "eval", "exec", "execfile", "input", "open",
  ]

  /// Whether a call of a name would run commands or other code.
  private static func runsCode(_ module: String, _ name: String) -> Bool {
    let package = module.prefix { $0 != "." }
    if ["builtins", "__builtin__"].contains(package) { return dangerousFunctions.contains(name) }
    return dangerousPackages.contains(package) || module == "torch" && name == "load"
      || module == "torch.storage" && name == "_load_from_bytes"
  }

  private static func find(_ module: String, _ name: String) -> PickleGlobal? {
    switch (module, name) {
    case ("collections", "OrderedDict"), ("collections", "defaultdict"), ("collections", "Counter"):
      .dictionary
    case ("__builtin__", "set"), ("builtins", "set"), ("__builtin__", "frozenset"),
      ("builtins", "frozenset"):
      .set
    case ("__builtin__", "dict"), ("builtins", "dict"), ("__builtin__", "list"),
      ("builtins", "list"), ("__builtin__", "int"), ("builtins", "int"), ("__builtin__", "float"),
      ("builtins", "float"):
      .type
    case ("argparse", "Namespace"): .namespace
    case ("_codecs", "encode"): .encode
    case ("__builtin__", "bytes"), ("builtins", "bytes"), ("__builtin__", "bytearray"),
      ("builtins", "bytearray"):
      .bytes
    case ("torch._utils", "_rebuild_tensor_v2"): .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): .rebuildTypedTensor
    case ("torch._utils", "_rebuild_parameter"),
      ("torch._utils", "_rebuild_parameter_with_state"):
      .rebuildParameter
    case ("torch._tensor", "_rebuild_from_type_v2"): .rebuildWithAttributes
    case ("torch._utils", "_rebuild_qtensor"): .rebuildQuantized
    case ("torch._utils", "_rebuild_sparse_tensor"): .rebuildSparse
    case ("torch._utils", "_rebuild_nested_tensor"): .rebuildNested
    case ("torch._utils", "_rebuild_meta_tensor_no_storage"): .rebuildMeta
    case ("numpy", "dtype"): .numPyType
    case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"):
      .numPyArray
    case ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"): .numPyBuffer
    case ("torch", "Size"): .size
    case ("torch", "device"): .device
    case ("torch", "UntypedStorage"), ("torch.storage", "UntypedStorage"): .storage(nil)
    case ("torch", _):
      PickleElementType(storageClass: name).map(PickleGlobal.storage)
        ?? PickleElementType(name).map(PickleGlobal.elementType)
    default: nil
    }
  }

  /// The error for a file that is of no use without what a name would make.
  static func refusal(_ module: String, _ name: String) -> CheckpointError {
    let asked = clipped("\(module).\(name)")
    let remedy = "load it in PyTorch, if you trust it, and save `model.state_dict()` instead"
    if (module, name) == ("torch.storage", "_load_from_bytes") {
      return CheckpointError(
        .refused,
        "the file holds tensors that were pickled without `torch.save` (it asks for \(asked), which"
          + " loads a file from within); load it in PyTorch, if you trust it, and save its state dict"
          + " with `torch.save`")
    }
    if module.hasPrefix("torch.nn.modules") {
      return CheckpointError(
        .refused,
        "the file holds a whole model object, not a state dict (it asks for \(asked)); \(remedy)")
    }
    if module.hasPrefix("numpy") {
      return CheckpointError(
        .refused,
        "the file holds NumPy objects (it asks for \(asked)), which a state dict does not need;"
          + " \(remedy)")
    }
    return CheckpointError(
      .refused,
      "the file asks for the Python name \(asked), which a state dict does not need and which may"
        + " run code; nothing was run. If the file holds a whole model object, \(remedy)")
  }
}
