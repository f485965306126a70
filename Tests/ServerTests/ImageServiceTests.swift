import Diffusion
import Foundation
import ImageData
import Pipeline
import TestSupport
import Testing

@testable import Server

/// The service over the built-in model, with few steps.
@Suite(.serialized) struct ImageServiceTests {
  /// Runs a service while `body` runs.
  private func withService<Result: Sendable>(
    _ settings: ServiceSettings = ImageServiceTests.settings(),
    _ body: @Sendable (ImageService) async throws -> Result
  ) async throws -> Result {
    let service = ImageService(settings)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await service.run() }
      while await service.model == nil { try await Task.sleep(for: .milliseconds(5)) }
      let result = try await body(service)
      await service.drain(timeout: .zero)
      try await group.waitForAll()
      return result
    }
  }

  private static func settings(
    batchSize: Int = 8, queueLimit: Int = 64, workerCount: Int = 1
  ) -> ServiceSettings {
    ServiceSettings(
      sampling: SamplingSettings(
        options: SamplingOptions(sampler: .unipc, stepCount: 4, guidance: Guidance(scale: 2))),
      batchSize: batchSize, queueLimit: queueLimit, workerCount: workerCount)
  }

  private static func request(
    _ label: Int = 1, count: Int = 1, seed: UInt64 = 3, steps: Int = 4,
    previews: ImageRequest.Previews = .eachStep
  ) -> ImageRequest {
    ImageRequest(
      label: label, count: count, seed: seed,
      options: SamplingOptions(
        sampler: .unipc, stepCount: steps, guidance: Guidance(scale: 2)), previews: previews)
  }

  /// Why a service refuses a job; nil if it takes it.
  private static func refusal(
    of request: ImageRequest = request(), by service: ImageService
  ) async -> ServiceError.Reason? {
    do {
      _ = try await service.submit(request)
      return nil
    } catch {
      return error.reason
    }
  }

  private static func finish(_ id: String, _ service: ImageService) async throws -> [JobEvent] {
    var events: [JobEvent] = []
    for await event in try #require(await service.events(of: id)) { events.append(event) }
    return events
  }

  /// What `dit sample` writes for one image.
  private static func sampled(_ label: Int, seed: UInt64) throws -> [UInt8] {
    var settings = settings().sampling
    settings.seed = seed
    let pipeline = try LatentDiffusionPipeline(settings.pipeline)
    let image = try pipeline.images(
      labels: [label], options: settings.options,
      generator: pipeline.makeGenerator(seed: seed))[0]
    let texts = try ImageTexts(settings, pipeline, batchSize: 1, WeightDigests(of: pipeline))
      .texts(of: ImagePlace([label], row: 0))
    return try image.png(texts: texts)
  }

  @Test func anImageAloneIsThatOfSample() async throws {
    try await withService { service in
      let job = try await service.submit(ImageServiceTests.request(2, seed: 11))
      #expect(job.state == .queued && job.position == 0 && job.stepCount == 4)
      let events = try await ImageServiceTests.finish(job.id, service)
      let images = events.compactMap { event -> DrawnImage? in
        if case .image(let image, 0) = event { image } else { nil }
      }
      #expect(images.count == 1)
      let image = try #require(images.first)
      #expect(image.png == (try ImageServiceTests.sampled(2, seed: 11)))
      #expect(image.identity.seed == 11 && image.identity.label == 2)
      guard case .done = events.last else { throw ImageError("the job did not end well") }
      let status = try #require(await service.job(job.id))
      #expect(status.state == .done && status.images[0] == image.identity)
      #expect(await service.image(image.id)?.png == image.png)
      // The events of a job that has ended can be read again.
      let again = try await ImageServiceTests.finish(job.id, service)
      #expect(again.count { if case .image = $0 { true } else { false } } == 1)
    }
  }

  /// Products round by the batch; pixels differ by one level at most.
  @Test func imagesOfABatchAreThoseOfSample() async throws {
    try await withService { service in
      // While the first is drawn, the others come together.
      let first = try await service.submit(ImageServiceTests.request(0, steps: 40))
      let jobs = try await [
        service.submit(ImageServiceTests.request(1, count: 2, seed: 20)),
        service.submit(ImageServiceTests.request(5, seed: 30)),
      ]
      _ = try await ImageServiceTests.finish(first.id, service)
      for job in jobs {
        _ = try await ImageServiceTests.finish(job.id, service)
        let status = try #require(await service.job(job.id))
        #expect(status.state == .done && status.images.count == job.request.count)
        for (index, identity) in status.images {
          let seed = job.request.seed + UInt64(index)
          #expect(identity.seed == seed)
          let drawn = try #require(await service.image(identity.id))
          let pixels = try drawn.png.withUnsafeBytes { try RGBImage(decoding: $0) }.pixels
          let expected = try ImageServiceTests.sampled(job.request.label, seed: seed)
            .withUnsafeBytes { try RGBImage(decoding: $0) }.pixels
          let difference = zip(pixels, expected).map { abs(Int($0) - Int($1)) }.max()
          #expect(try #require(difference) <= 1)
        }
      }
    }
  }

  @Test func countedPreviewsAllCome() async throws {
    try await withService { service in
      let request = ImageServiceTests.request(count: 2, steps: 5, previews: .count(3))
      let job = try await service.submit(request)
      let previews = try await ImageServiceTests.finish(job.id, service)
        .compactMap { event -> JobPreview? in
          if case .preview(let preview) = event { preview } else { nil }
        }
      for index in 0..<2 {
        let own = previews.filter { $0.index == index }
        #expect(own.map(\.number) == [0, 1, 2])
        #expect(own.allSatisfy { $0.step < 5 && $0.image.width == 128 })
      }
    }
  }

  @Test func aCancelledJobStaysCancelled() async throws {
    try await withService { service in
      let long = try await service.submit(ImageServiceTests.request(steps: 900))
      let waiting = try await service.submit(ImageServiceTests.request(steps: 900))
      var iterator = try #require(await service.events(of: long.id)).makeAsyncIterator()
      while let event = await iterator.next() {
        if case .step = event { break }
      }
      #expect(await service.cancel(waiting.id)?.state == .cancelled)
      #expect(await service.cancel(long.id)?.state == .cancelled)
      let events = try await ImageServiceTests.finish(long.id, service)
      guard case .cancelled = events.last else { throw ImageError("no last event") }
      // The next job does not wait for the thousand steps.
      let next = try await service.submit(ImageServiceTests.request())
      _ = try await ImageServiceTests.finish(next.id, service)
      #expect(await service.job(next.id)?.state == .done)
      #expect(await service.cancel(next.id)?.state == .done)
      #expect(await service.job(long.id)?.state == .cancelled)
    }
  }

  @Test func aFullQueueRefuses() async throws {
    try await withService(ImageServiceTests.settings(batchSize: 1, queueLimit: 2)) { service in
      let running = try await service.submit(ImageServiceTests.request(steps: 900))
      while await service.job(running.id)?.state == .queued {
        try await Task.sleep(for: .milliseconds(2))
      }
      let first = try await service.submit(ImageServiceTests.request())
      let second = try await service.submit(ImageServiceTests.request())
      #expect(second.position == 1)
      guard case .queueFull(let seconds) = await ImageServiceTests.refusal(by: service) else {
        throw ImageError("a third job waits")
      }
      #expect(seconds >= 1)
      await service.cancel(first.id)
      #expect(await service.job(second.id)?.position == 0)
      _ = try await service.submit(ImageServiceTests.request())
    }
  }

  @Test func wrongRequestsAreNamed() async throws {
    try await withService { service in
      func field(_ change: (inout ImageRequest) -> Void) async -> String? {
        var request = ImageServiceTests.request()
        change(&request)
        guard case .request(let field) = await ImageServiceTests.refusal(of: request, by: service)
        else { return nil }
        return field
      }
      #expect(await field { $0.label = -1 } == "prompt")
      #expect(await field { $0.label = 1 << 20 } == "prompt")
      #expect(await field { $0.count = 0 } == "n")
      #expect(await field { $0.count = 17 } == "n")
      #expect(await field { $0.options.stepCount = 0 } == "steps")
      #expect(await field { $0.options.stepCount = 1001 } == "steps")
      #expect(await field { $0.options.guidance.scale = .nan } == "guidance_scale")
      #expect(await field { $0.options.samplerOptions.eta = 2 } == "eta")
      #expect(await field { $0.options.samplerOptions.solverOrder = 4 } == "solver_order")
      #expect(await field { $0.options.sampler = .ddpm } == "sampler")
      #expect(await field { $0.options.guidance.channels = .first(9) } == "cfg_channels")
      #expect(
        await field { $0.options.samplerOptions.timestepSpacing = .leading } == "timestep_spacing")
    }
  }

  @Test func drainingFinishesWhatIsThere() async throws {
    let service = ImageService(ImageServiceTests.settings())
    let run = Task { try await service.run() }
    while await service.model == nil { try await Task.sleep(for: .milliseconds(5)) }
    let job = try await service.submit(ImageServiceTests.request(count: 3))
    await service.drain(timeout: .seconds(60))
    #expect(await service.job(job.id)?.state == .done)
    #expect(await ImageServiceTests.refusal(by: service) == .ending)
    try await run.value
  }

  @Test func beforeTheModelIsThereJobsAreRefused() async throws {
    let service = ImageService(ImageServiceTests.settings())
    #expect(await ImageServiceTests.refusal(by: service) == .loading)
  }

  @Test func endedJobsAreBounded() {
    var queue = JobQueue()
    let now = ContinuousClock.now
    for number in 0..<10_005 {
      queue.add(
        Job(JobStatus(id: "\(number)", request: ImageServiceTests.request()), arrival: now))
      queue.end("\(number)", as: .cancelled, with: .cancelled, at: now)
    }
    queue.forget(before: now - .seconds(600))
    #expect(queue["4"] == nil && queue["5"] != nil && !queue.hasUnfinished)
  }

  @Test func imagesLeaveByAgeAndByBytes() {
    func image(_ id: String) -> DrawnImage {
      DrawnImage(
        identity: ImageIdentity(id: id, label: 0, seed: 0), png: Array(repeating: 0, count: 40))
    }
    let start = ContinuousClock.now
    var store = ImageStore(byteLimit: 100)
    for second in 0..<3 { store.add(image("\(second)"), at: start + .seconds(second)) }
    #expect(store["0"] == nil && store["1"] != nil && store["2"] != nil)
    store.forget(before: start + .seconds(2))
    #expect(store["1"] == nil && store["2"] != nil)
    // An image over the limit stays until the next one comes.
    var small = ImageStore(byteLimit: 10)
    small.add(image("0"), at: start)
    #expect(small["0"] != nil)
    small.add(image("1"), at: start)
    #expect(small["0"] == nil && small["1"] != nil)
  }

  @Test func resultsAreForgottenAfterTheirTime() async throws {
    var settings = ImageServiceTests.settings()
    settings.resultLifetime = .milliseconds(300)
    try await withService(settings) { service in
      let job = try await service.submit(ImageServiceTests.request())
      _ = try await ImageServiceTests.finish(job.id, service)
      let identity = try #require(await service.job(job.id)?.images[0])
      #expect(await service.image(identity.id) != nil)
      try await Task.sleep(for: .milliseconds(400))
      #expect(await service.image(identity.id) == nil)
      #expect(await service.job(job.id) == nil)
      #expect(await service.events(of: job.id) == nil)
    }
  }

  /// A job that starts at once does not wait.
  @Test func noJobMayWait() async throws {
    try await withService(ImageServiceTests.settings(queueLimit: 0)) { service in
      while true {
        guard let reason = await ImageServiceTests.refusal(by: service) else { break }
        guard case .queueFull = reason else { throw ImageError("\(reason)") }
      }
    }
  }

  @Test func memoryForAllWorkersIsCheckedFirst() async throws {
    let service = ImageService(ImageServiceTests.settings(workerCount: 1_000_000))
    do {
      try await service.run()
      Issue.record("a million models fit")
    } catch let error as ServiceError {
      guard case .memory(let count) = error.reason else { throw error }
      #expect(count > 1 << 40)
    }
  }

  @Test func severalWorkersDrawTheSame() async throws {
    try await withService(ImageServiceTests.settings(batchSize: 1, workerCount: 2)) { service in
      let jobs = try await (0..<4).asyncMap {
        try await service.submit(ImageServiceTests.request($0, seed: 7))
      }
      for (label, job) in jobs.enumerated() {
        _ = try await ImageServiceTests.finish(job.id, service)
        let identity = try #require(await service.job(job.id)?.images[0])
        #expect(
          await service.image(identity.id)?.png == (try ImageServiceTests.sampled(label, seed: 7)))
      }
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<Result>(
    _ transform: (Element) async throws -> Result
  ) async rethrows -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await transform(element)) }
    return results
  }
}
