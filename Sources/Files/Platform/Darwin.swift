// Not run yet: written after the headers of macOS.

#if os(macOS)
  internal import Foundation

  /// The calls of this target that each system has in its own form: macOS.
  enum System {
    /// Tells the disk to start writing a part of a file. macOS has no such call.
    static func startWriting(_ descriptor: Int32, from offset: Int, count: Int) {}

    /// Has the calling thread run where others leave the processors to it.
    static func yieldToOtherThreads() { pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0) }

    /// When a file's content was changed last.
    static func modificationTime(_ status: stat) -> timespec { status.st_mtimespec }

    /// When a process started, in microseconds since 1970; 0 if that is not known.
    static func startTime(of process: Int32) -> UInt64 {
      var name = [CTL_KERN, KERN_PROC, KERN_PROC_PID, process]
      var entry = kinfo_proc()
      var size = MemoryLayout<kinfo_proc>.stride
      guard sysctl(&name, 4, &entry, &size, nil, 0) == 0, size > 0 else { return 0 }
      let start = entry.kp_proc.p_un.__p_starttime
      return UInt64(start.tv_sec) * 1_000_000 + UInt64(start.tv_usec)
    }
  }
#endif
