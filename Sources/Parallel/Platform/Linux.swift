#if os(Linux)
  internal import Foundation

  /// What each system has in its own form: Linux.
  enum System {
    /// The kind of a TCP socket.
    static let streams = Int32(SOCK_STREAM.rawValue)
    /// The kind of a UDP socket.
    static let datagrams = Int32(SOCK_DGRAM.rawValue)

    /// Opens a TCP socket that does not wait, and that programs started later do not get.
    ///
    /// - Returns: the descriptor; negative on failure, with `errno`.
    static func openStream(_ family: Int32, _ protocolNumber: Int32) -> Int32 {
      let flags = SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
      return socket(family, streams | Int32(flags), protocolNumber)
    }

    /// File actions and attributes of `posix_spawn`, for their `init` functions to set.
    static func spawnLists() -> (posix_spawn_file_actions_t, posix_spawnattr_t) {
      (posix_spawn_file_actions_t(), posix_spawnattr_t())
    }
  }
#endif
