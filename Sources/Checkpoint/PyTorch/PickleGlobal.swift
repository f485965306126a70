internal import Torch

/// The only Python names that a pickle may mention; none is ever called.
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
  /// `torch._utils._rebuild_tensor_v2`: the storage has the element type.
  case rebuildTensor
  /// `torch._utils._rebuild_tensor_v3`: the element type is an argument.
  case rebuildTypedTensor
  /// `torch._utils._rebuild_parameter`.
  case rebuildParameter
  /// `torch.Size`.
  case size
  /// `torch.device`.
  case device
  /// An element type such as `torch.float32`.
  case elementType(PickleElementType)
  /// A storage class such as `torch.FloatStorage`; nil for bytes without a type.
  case storage(PickleElementType?)

  /// Finds a name.
  ///
  /// - Throws: `CheckpointError` for any other name.
  init(module: String, name: String) throws {
    guard let found = PickleGlobal.find(module, name) else {
      throw PickleGlobal.refusal(module, name)
    }
    self = found
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
    case ("torch._utils", "_rebuild_tensor_v2"): .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): .rebuildTypedTensor
    case ("torch._utils", "_rebuild_parameter"): .rebuildParameter
    case ("torch", "Size"): .size
    case ("torch", "device"): .device
    case ("torch", "UntypedStorage"), ("torch.storage", "UntypedStorage"): .storage(nil)
    case ("torch", _):
      PickleElementType(storageClass: name).map(PickleGlobal.storage)
        ?? PickleElementType(name).map(PickleGlobal.elementType)
    default: nil
    }
  }

  private static func refusal(_ module: String, _ name: String) -> CheckpointError {
    let asked = clipped("\(module).\(name)")
    let remedy = "load it in PyTorch, if you trust it, and save `model.state_dict()` instead"
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
