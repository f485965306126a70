internal import Torch

extension EvaluationRun {
  /// Writes the statistics of the reference, and up to 10,000 of its images at equal distances, as the
  /// evaluation suite has them.
  ///
  /// - Parameters:
  ///   - path: the file, which ends in `.npz`.
  ///   - check: called for each batch; throws to stop.
  /// - Throws: `EvaluationError` if there are too few images; `FileError`; what `check` throws.
  public func saveReference(to path: String, check: () throws -> Void = {}) throws {
    guard let images = reference.images, job(of: .reference) != nil else {
      fatalError("EvaluationRun: saveReference without .reference among the outputs")
    }
    let set = try referenceFeatures(check: check)
    guard let moments = set.moments else {
      fatalError("EvaluationRun: a set without moments")
    }
    let isLeftOut = Set(set.nonFinite)
    let chosen = EvaluationReference.chosen(of: images.count).filter { !isLeftOut.contains($0) }
    try ReferenceArchive.write(
      to: path,
      record: ReferenceRecord(
        features: networkName, imageCount: set.count, resize: images.resizing),
      moments: moments, spatialMoments: set.spatialMoments,
      images: .init(count: chosen.count, height: images.height, width: images.width) { range in
        concatenated(
          try range.map { try images.images(chosen[$0]..<chosen[$0] + 1) {}.pixels })
      })
  }

  /// Writes a page with figures and pictures: samples by class, samples beside the reference image
  /// nearest to each, and those furthest outside the reference.
  ///
  /// - Parameters:
  ///   - folder: for `index.html`; made if it is missing.
  ///   - result: of this run.
  ///   - rows: of the table of figures.
  ///   - notes: sentences about the figures.
  ///   - check: called for each picture; throws to stop.
  /// - Throws: what reading or making the images again throws; `FileError`; what `check` throws.
  public func writeReport(
    to folder: String, _ result: EvaluationResult, rows: [(name: String, value: String)],
    notes: [String], check: () throws -> Void = {}
  ) throws {
    guard let samples, let job = job(of: .samples) else {
      fatalError("EvaluationRun: a report without samples")
    }
    let sampleSet = try sampleFeatures(job, check: check)
    let hasReference = self.job(of: .reference) != nil
    let referenceSet = hasReference ? try referenceFeatures(check: check) : nil
    var comparison = result.figures.neighbours
    if comparison == nil, let a = sampleSet.pooled, let b = referenceSet?.pooled {
      comparison = try PrecisionRecall().compare(samples: a, reference: b, check: check)
    }
    func kept(_ numbers: [Int], _ leftOut: [Int]) -> [Int] {
      let leftOut = Set(leftOut)
      return numbers.filter { !leftOut.contains($0) }
    }
    let (images, isAvailable) = job.readableImages
    let pictures = try ReportPictures(
      of: images, isAvailable: isAvailable,
      reference: hasReference ? reference.images : nil, comparison: comparison,
      numbers: (
        kept(Array(0..<samples.count), sampleSet.nonFinite),
        kept(
          EvaluationReference.chosen(of: reference.images?.count ?? 0),
          referenceSet?.nonFinite ?? [])
      ), check: check)
    try ReportPage(
      title: "\(samples.name) against \(reference.name)", figures: rows, notes: notes,
      pictures: pictures
    ).write(to: folder)
  }
}
