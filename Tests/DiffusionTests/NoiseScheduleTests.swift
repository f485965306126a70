internal import Diffusion
internal import TestSupport
internal import Testing
internal import Torch

@Suite struct NoiseScheduleTests {
  @Test func hasTheReferenceTables() throws {
    let values = try GoldenValues("diffusion")
    let schedule = NoiseSchedule.linear
    let tables: [(String, [Double])] = [
      ("betas", schedule.betas), ("alphas_cumprod", schedule.alphaBars),
      ("posterior_variance", schedule.posteriorVariances),
      ("posterior_log_variance", schedule.posteriorLogVariances),
      ("fixed_large_log_variance", schedule.fixedLargeLogVariances),
      ("posterior_mean_coef1", schedule.posteriorMeanX0Coefficients),
      ("posterior_mean_coef2", schedule.posteriorMeanXtCoefficients),
    ]
    for (name, table) in tables {
      #expect(relativeError(Tensor(table), values[name]) < Tolerance.float64, "\(name)")
    }
  }

  @Test(arguments: [1, 2, 7, 10, 50, 250, 999, 1000]) func takesTheReferenceTimesteps(
    _ count: Int
  ) throws {
    let values = try GoldenValues("diffusion")
    let times = try RespacedGrid().times(count, on: NoiseSchedule.linear)
    #expect(times.last == NoiseSchedule.linear.dataTime)
    let schedule = try NoiseSchedule.linear.respaced(at: times.dropLast().reversed())
    #expect(schedule.timesteps == values["timesteps.\(count)"].elements(Int.self))
    #expect(
      relativeError(Tensor(schedule.betas), values["betas.\(count)"]) < Tolerance.float64)
  }

  @Test func refusesATimeBetweenSteps() throws {
    let error = #expect(throws: DiffusionError.self) {
      try NoiseSchedule.linear.respaced(at: [0, 3.5])
    }
    #expect(try #require(error).message.contains("and 3.5 is none"))
  }

  /// The point of the path gives DDPM and DDIM the same float32 numbers as the respaced tables.
  @Test(arguments: [1, 10, 50, 250, 1000]) func isThePathOfItsRespacedSchedules(
    _ count: Int
  ) throws {
    let times = try RespacedGrid().times(count, on: NoiseSchedule.linear).dropLast().reversed()
    let schedule = try NoiseSchedule.linear.respaced(at: Array(times))
    for (time, alphaBar) in zip(times, schedule.alphaBars) {
      let point = NoiseSchedule.linear.point(at: time)
      #expect(Float(1 / point.alpha) == Float((1 / alphaBar).squareRoot()))
      #expect(Float(point.sigma / point.alpha) == Float((1 / alphaBar - 1).squareRoot()))
    }
  }

  @Test func joinsItsTimestepsWithoutAStep() {
    let path = NoiseSchedule.linear
    #expect(path.noiseTime == 999 && path.dataTime == -1)
    let data = path.point(at: path.dataTime)
    #expect(data.alpha == 1 && data.sigma == 0)
    for time in [-0.5, 0, 0.25, 41, 500.5, 998.75, 999] {
      let (point, step) = (path.point(at: time), 1e-5)
      #expect(abs(point.alpha * point.alpha + point.sigma * point.sigma - 1) < 1e-12)
      // From below: at a timestep the slope changes.
      let before = path.point(at: time - step)
      #expect(abs((point.alpha - before.alpha) / step - point.alphaSlope) < 1e-6)
      #expect(abs((point.sigma - before.sigma) / step - point.sigmaSlope) < 1e-6)
    }
  }

  @Test func placesItsTimestepsInTheFullProcess() throws {
    let path = NoiseSchedule.linear
    #expect(path.position(of: 999) == 0.999 && path.position(of: 0.5) == 0.0005)
    #expect(path.position(of: path.dataTime) == 0)
    #expect(try path.respaced(at: [0, 400, 700]).position(of: 700) == 0.7)
  }
}
