internal import Files

/// A request of OpenAI's Images API.
struct ImageGeneration: Sendable {
  /// How images are returned.
  enum ResponseFormat: String, CaseIterable, Sendable {
    case base64 = "b64_json"
    case url
  }

  /// Partial images at most.
  static let partialImageLimit = 3
  /// What clients send and this server has no use for; each is a text.
  static let unusedNames = [
    "quality", "style", "user", "background", "moderation", "safety_identifier",
  ]
  /// The names of all fields that other APIs lack.
  static let ownNames =
    unusedNames + [
      "response_format", "output_format", "output_compression", "stream", "partial_images",
    ]

  /// What to draw.
  let request: ImageRequest
  /// How images are returned.
  let responseFormat: ResponseFormat
  /// The form of images.
  let format: ImageFormat
  /// The quality of JPEG.
  let quality: Int
  /// Whether events are sent in place of one response.
  let isStream: Bool

  /// Reads a request.
  ///
  /// - Throws: `APIError` for unknown fields, and values that cannot be used.
  init(_ fields: JSONFields, _ model: ModelDescription) throws(APIError) {
    for name in ImageGeneration.unusedNames { _ = try fields.string(name) }
    responseFormat = try fields.choice("response_format", of: ResponseFormat.self) ?? .base64
    format = try fields.choice("output_format", of: ImageFormat.self) ?? .png
    // 0 is OpenAI's lowest.
    let quality = try fields.integer("output_compression", in: 0...100)
    self.quality = max(quality ?? ImageFormat.standardQuality, 1)
    isStream = try fields.flag("stream") ?? false
    let count = try fields.integer("partial_images", in: 0...ImageGeneration.partialImageLimit)
    request = try ImageFields(fields, model, others: ImageGeneration.ownNames).request(
      previews: .count(isStream ? count ?? 0 : 0))
  }
}
