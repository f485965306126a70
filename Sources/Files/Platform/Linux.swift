#if os(Linux)
  internal import Foundation

  /// The calls of this target that each system has in its own form: Linux.
  enum System {
    /// Tells the disk to start writing a part of a file, without waiting.
    ///
    /// Linux does so when it is told that the pages are not needed, and keeps them until they are written.
    static func startWriting(_ descriptor: Int32, from offset: Int, count: Int) {
      posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
    }

    /// Has the calling thread run where others leave the processors to it.
    static func yieldToOtherThreads() {
      setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
    }

    /// When a file's content was changed last.
    static func modificationTime(_ status: stat) -> timespec { status.st_mtim }

    /// When a process started, in clock ticks since the host did; 0 if that is not known.
    static func startTime(of process: Int32) -> UInt64 {
      // The 22nd field; the second, in brackets, may hold spaces.
      guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat"),
        let rest = String(decoding: data, as: UTF8.self).split(separator: ")").last
      else { return 0 }
      let fields = rest.split(separator: " ")
      return fields.count > 19 ? UInt64(fields[19]) ?? 0 : 0
    }
  }
#endif
