internal import Torch

/// The pickle of a state dict, for the writer of PyTorch files.
///
/// Source: CPython, Lib/pickletools.py, protocol 2, and pytorch, torch/_utils.py. Only instructions
/// and names are used that `torch.load` allows with `weights_only`.
struct PyTorchPickle {
  /// The state dict's attribute for texts, which `load_state_dict` ignores.
  static let attribute = "metadata"

  /// The pickle.
  private(set) var bytes: [UInt8] = []

  /// Writes a state dict; tensor N is alone in storage N, in row-major order.
  init(_ tensors: [OutgoingTensor], metadata: [String: String]) {
    bytes = [0x80, 2]
    orderedDict()
    code("(")
    for (index, tensor) in tensors.enumerated() {
      text(tensor.name)
      self.tensor(tensor, storage: index)
    }
    code("u")
    if !metadata.isEmpty {
      code("}")
      text(PyTorchPickle.attribute)
      code("}(")
      for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
        text(key)
        text(value)
      }
      code("usb")
    }
    code(".")
  }

  private mutating func tensor(_ tensor: OutgoingTensor, storage: Int) {
    let storageClass = PickleElementType.storageClass(of: tensor.dtype)
    global("torch._utils", storageClass == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
    // The arguments: first the storage.
    code("((")
    text("storage")
    global("torch", storageClass ?? "UntypedStorage")
    text(String(storage))
    text("cpu")
    integer(tensor.byteCount / (storageClass == nil ? 1 : tensor.dtype.byteCount))
    code("tQ")
    integer(0)
    tuple(tensor.shape)
    tuple(Tensor.contiguousStrides(of: tensor.shape))
    // No gradient, no hooks.
    bytes.append(0x89)
    orderedDict()
    if storageClass == nil { global("torch", PickleElementType.name(of: tensor.dtype)) }
    code("tR")
  }

  private mutating func orderedDict() {
    global("collections", "OrderedDict")
    code(")R")
  }

  private mutating func tuple(_ numbers: [Int]) {
    code("(")
    for number in numbers { integer(number) }
    code("t")
  }

  private mutating func integer(_ number: Int) {
    if let number = Int32(exactly: number) {
      code("J")
      append(number)
    } else {
      bytes += [0x8A, 8]
      append(number)
    }
  }

  private mutating func text(_ text: String) {
    let content = Array(text.utf8)
    code("X")
    append(UInt32(content.count))
    bytes += content
  }

  private mutating func global(_ module: String, _ name: String) { code("c\(module)\n\(name)\n") }

  private mutating func code(_ text: String) { bytes += Array(text.utf8) }

  private mutating func append(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
  }
}
