internal import Layers
internal import Models
internal import Torch

/// The tables of rotations in a file of LightningDiT: buffers, whose numbers are computed here.
struct RotaryTables {
  private let tables: [String: Tensor]

  /// Takes the tables out of a state dict.
  init(from state: inout [String: Tensor]) {
    tables = state.filter { $0.key.hasPrefix(StateDicts.rotations) }
    for name in tables.keys { state[name] = nil }
  }

  /// Whether there are none.
  var isEmpty: Bool { tables.isEmpty }

  /// Shapes by name.
  var shapes: [String: [Int]] { tables.mapValues(\.shape) }

  /// Refuses tables with other numbers than those that the model computes.
  ///
  /// - Throws: `ModelError`.
  func check(_ config: DiTConfig) throws {
    guard !isEmpty else { return }
    guard let rotations = config.rotaryPositions(on: .cpu) else {
      throw ModelError("the file has tables of rotations, and its metadata name other positions")
    }
    for (name, table) in tables {
      let own = name.hasSuffix("cos") ? rotations.cosines : rotations.sines
      let shape = [config.tokenCount, config.headWidth]
      guard
        [StateDicts.rotations + "freqs_cos", StateDicts.rotations + "freqs_sin"].contains(name),
        table.shape == shape
      else {
        throw ModelError("'\(name)' \(table.shape) is no table of rotations of \(shape)")
      }
      // Both channels of a pair have the same number.
      let pairs = table.to(.float32).reshaped([shape[0], shape[1] / 2, 2])
      let difference = withoutGradients {
        (pairs - own.expandingDims(at: 2)).magnitude.max().item
      }
      // 16-bit formats round sines and cosines by up to 0.004.
      guard difference < (table.dtype.byteCount < 4 ? 0.01 : 1e-4) else {
        throw ModelError("'\(name)' has other rotations than those of rows and columns")
      }
    }
  }
}
