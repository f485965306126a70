internal import Files
internal import HTTPTypes
internal import Hummingbird

/// A route: what it is for, in the words of OpenAPI, and what it does.
struct Route: Sendable {
  typealias Handler = @Sendable (Request, ServerContext) async throws -> Response

  /// The method.
  let method: HTTPRequest.Method
  /// The path; parts in braces stand for any text.
  let path: String
  /// Whether it is open to all, also where a token is needed.
  var isOpen = false
  /// What it is for.
  let operation: Operation
  /// Answers a request.
  let handler: Handler
}

/// The routes of a server.
struct RouteTable: Sendable {
  /// In the order of the documentation.
  let routes: [Route]

  /// Adds the routes to a router.
  func add(to router: Router<ServerContext>) {
    for route in routes {
      router.on(RouterPath(route.path), method: route.method, use: route.handler)
    }
  }

  /// Whether the path of a route, as it is written, is open to all.
  func isOpen(_ path: String) -> Bool { routes.contains { $0.path == path && $0.isOpen } }

  /// The methods that a path of a request has, sorted.
  func methods(of path: String) -> [HTTPRequest.Method] {
    let parts = path.split(separator: "/")
    let methods = routes.filter { route in
      let own = route.path.split(separator: "/")
      return own.count == parts.count && zip(own, parts).allSatisfy(RouteTable.fits)
    }.map(\.method)
    let all = methods.contains(.get) ? methods + [.head] : methods
    return all.sorted { $0.rawValue < $1.rawValue }
  }

  /// Whether a part of a request's path is that of a route's.
  private static func fits(_ own: Substring, _ part: Substring) -> Bool {
    guard own.first == "{", let end = own.firstIndex(of: "}") else { return own == part }
    return part.hasSuffix(own[own.index(after: end)...])
  }
}
