// Not run yet: written after the headers of macOS.

#if os(macOS)
  internal import Foundation

  /// What each system has in its own form: macOS.
  enum System {
    /// The kind of a TCP socket.
    static let streams = SOCK_STREAM
    /// The kind of a UDP socket.
    static let datagrams = SOCK_DGRAM

    /// Opens a TCP socket that does not wait, and that programs started later do not get.
    ///
    /// - Returns: the descriptor; negative on failure, with `errno`.
    static func openStream(_ family: Int32, _ protocolNumber: Int32) -> Int32 {
      let descriptor = socket(family, streams, protocolNumber)
      guard descriptor >= 0 else { return descriptor }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
      return descriptor
    }

    /// File actions and attributes of `posix_spawn`, for their `init` functions to set: pointers here.
    static func spawnLists() -> (posix_spawn_file_actions_t?, posix_spawnattr_t?) { (nil, nil) }
  }
#endif
