internal import Diffusion
internal import ImageData

/// Images that are drawn together.
struct DrawingBatch: Sendable {
  /// One of the images.
  struct Item: Sendable {
    /// The job that wants it.
    let job: String
    /// Its place in the job.
    let index: Int
    let label: Int
    let seed: UInt64
    let previews: ImageRequest.Previews
    let control: JobControl
  }

  let items: [Item]
  let options: SamplingOptions
}

/// What happens to the images of a batch. Rows are places in the batch as it began.
enum DrawingEvent: Sendable {
  /// The images of all jobs that go on have taken a step.
  case step(JobStep)
  /// How an image looks so far.
  case preview(row: Int, step: Int, RGBImage)
  /// An image is there.
  case image(row: Int, png: [UInt8])
}
