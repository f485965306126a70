internal import Diffusion
internal import Files
internal import HTTPTypes
internal import Pipeline

/// The fields of a request for images that all APIs have.
struct ImageFields {
  private let model: ModelDescription
  private let fields: JSONFields

  /// - Parameters:
  ///   - fields: what a client sent.
  ///   - model: draws the images.
  ///   - others: names that the API reads besides.
  /// - Throws: `APIError` for a name that nobody reads.
  init(_ fields: JSONFields, _ model: ModelDescription, others: [String] = []) throws(APIError) {
    self.model = model
    self.fields = fields
    let known =
      ImageFields.ownNames + SamplingField.all.map(\.name) + others + SamplingField.aliases.keys
    for key in fields.keys where !known.contains(key) {
      let name = key.clipped
      let nearest = Spelling.nearest(to: name, among: known).map { "; did you mean '\($0)'?" }
      throw APIError(
        .badRequest, "unknown_parameter",
        "there is no field '\(name)'" + (nearest ?? "; GET /openapi.json lists them"),
        parameter: name)
    }
  }

  private static let ownNames = ["prompt", "n", "seed", "size", "model"]

  /// The request.
  func request(previews: ImageRequest.Previews = .eachStep) throws(APIError) -> ImageRequest {
    try checkModel()
    try checkSize()
    guard let prompt = fields["prompt"] else {
      throw APIError(
        .badRequest, "missing_required_parameter",
        "prompt is missing: the name or the number of a class", parameter: "prompt")
    }
    let label = try ClassPrompt(model.classNames).label(of: prompt)
    let count = try fields.integer("n", in: 1...model.imageLimit) ?? 1
    let seed = try fields["seed"].map { value throws(APIError) in try ImageFields.seed(value) }
    return ImageRequest(
      label: label, count: count, seed: seed ?? model.defaultSeed, options: try options(),
      previews: previews)
  }

  /// The sampler, its options, and guidance.
  func options() throws(APIError) -> SamplingOptions {
    var wish = SamplingWish(model)
    for field in SamplingField.all { try field.read(fields, &wish) }
    return try wish.options(model.defaults)
  }

  /// A seed; -1 stands for a random one.
  static func seed(_ value: JSON) throws(APIError) -> UInt64 {
    switch value {
    case .unsigned(let seed): return seed
    default:
      guard let seed = value.integer, seed >= -1 else {
        throw .invalid(
          "seed",
          "seed is \(value.text.clipped): it has to be an integer from 0 to \(UInt64.max), or -1 for"
            + " a random one")
      }
      // Fits into the numbers of all clients.
      return UInt64(exactly: seed) ?? UInt64(UInt32.random(in: .min ... .max))
    }
  }

  private func checkModel() throws(APIError) {
    guard let name = try fields.string("model"), name != model.name else { return }
    throw APIError(
      .notFound, "model_not_found",
      "there is no model '\(name.clipped)': this server has '\(model.name)'", parameter: "model")
  }

  private func checkSize() throws(APIError) {
    let size = model.sizeText
    guard let text = try fields.string("size"), text != size, text != "auto" else { return }
    throw .invalid("size", "size is '\(text.clipped)': the model makes \(size)")
  }
}

extension ModelDescription {
  /// The size of an image: `256x256`.
  var sizeText: String { "\(imageSize)x\(imageSize)" }
}
