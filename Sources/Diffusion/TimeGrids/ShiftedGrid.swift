/// Equal distances of a flow, moved towards one end of its scale of times: t' = s t / (1 + (s - 1) t).
///
/// Source: Esser et al. 2024, equation 23, and the code of LightningDiT. Below 1, s gives more steps to
/// low times in the path's own scale.
public struct ShiftedGrid: TimeGrid {
  private let convention: GridConvention
  private let shift: Double

  /// The grid.
  ///
  /// - Parameters:
  ///   - convention: the form of the equal distances.
  ///   - shift: s, above 0; 1 for none.
  public init(_ convention: GridConvention, shift: Double) {
    self.convention = convention
    self.shift = shift
  }

  public func times(
    _ stepCount: Int, on path: any ProbabilityPath
  ) throws(DiffusionError) -> [Double] {
    guard path is FlowPath else {
      throw DiffusionError(
        .path,
        "shifted times are for flows; models with discrete steps have respaced, linspace, trailing,"
          + " leading and optimized")
    }
    let times = try LinspaceGrid(convention).times(stepCount, on: path)
    return times.map { shift * $0 / (1 + (shift - 1) * $0) }
  }
}
