internal import Foundation
internal import Testing

/// The keys and values of a JSON file that holds one object.
public func jsonRecord(_ path: String) throws -> [String: Any] {
  let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
  return try #require(json as? [String: Any])
}
