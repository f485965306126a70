/// A kind of content that is often called an image and is not read, told by its first bytes.
struct UnreadFormat: CustomStringConvertible {
  /// What it is, and what to do.
  let description: String
  /// Its name; nil for a pointer of Git LFS.
  let name: String?

  /// The kind; nil for anything unknown.
  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    func has(_ text: String, at place: Int = 0) -> Bool {
      bytes.count >= place && bytes[place...].starts(with: text.utf8)
    }
    guard !has("version https://git-lfs") else {
      description = "it is a pointer of Git LFS, not the image; run git lfs pull"
      name = nil
      return
    }
    let name: String? =
      if has("RIFF") && has("WEBP", at: 8) {
        "WebP"
      } else if has("GIF8") {
        "GIF"
      } else if has("II*\0") || has("MM\0*") {
        "TIFF"
      } else if has("ftypavif", at: 4) || has("ftypavis", at: 4) {
        "AVIF"
      } else if ["heic", "heix", "mif1", "msf1", "hevc"].contains(where: { has("ftyp" + $0, at: 4) }
      ) {
        "HEIF"
      } else if bytes.starts(with: [0xFF, 0x0A]) || has("JXL ", at: 4) {
        "JPEG XL"
      } else if bytes.starts(with: [0xFF, 0x4F, 0xFF, 0x51]) || has("jP  ", at: 4) {
        "JPEG 2000"
      } else if ["P1", "P2", "P3", "P4", "P5", "P6"].contains(where: { has($0) }), bytes.count > 2,
        [0x09, 0x0A, 0x0D, 0x20].contains(bytes[2])
      {
        "PNM"
      } else {
        nil
      }
    guard let name else { return nil }
    self.name = name
    description =
      "the content is \(name), which is not read, whatever the file's name says; convert it to PNG or"
      + " JPEG"
  }
}
