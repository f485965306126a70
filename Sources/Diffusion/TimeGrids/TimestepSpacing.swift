/// How the times of a run are chosen, by name.
public enum TimestepSpacing: String, Sendable, Codable, CaseIterable {
  /// As the code published with DiT takes them (``RespacedGrid``).
  case respaced
  /// Equal distances from noise to data (``LinspaceGrid``).
  case linspace
  /// Equal distances that end at the last timestep (``TrailingGrid``).
  case trailing
  /// Equal whole distances that begin at the first timestep (``LeadingGrid``).
  case leading
  /// Computed for few steps of a multistep sampler (``OptimizedGrid``).
  case optimized
  /// Equal distances of a flow, moved towards one end (``ShiftedGrid``).
  case shifted

  /// The spacing that suits a multistep sampler: optimized as far as it is better.
  static func forMultistep(_ stepCount: Int) -> TimestepSpacing {
    stepCount <= 20 ? .optimized : .linspace
  }

  /// The grid of this spacing.
  ///
  /// - Parameters:
  ///   - convention: the form that a family of samplers expects.
  ///   - shift: s of `shifted`.
  /// - Returns: the grid.
  public func grid(_ convention: GridConvention, shift: Double = 1) -> any TimeGrid {
    switch self {
    case .respaced: RespacedGrid()
    case .linspace: LinspaceGrid(convention)
    case .trailing: TrailingGrid()
    case .leading: LeadingGrid(convention)
    case .optimized: OptimizedGrid()
    case .shifted: ShiftedGrid(convention, shift: shift)
    }
  }
}

/// The forms of the same spacing in the schedulers of diffusers.
public enum GridConvention: Sendable {
  /// Whole timesteps with the first one among them: ddpm and ddim.
  case wholeSteps
  /// Fractional timesteps with the first one among them: euler and heun.
  case fractionalSteps
  /// Whole timesteps without the first one, from which a multistep sampler would gain nothing.
  case withoutFirst
}
