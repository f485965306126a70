// Not run yet: written after the headers of macOS.

#if os(macOS)
  internal import CTorch
  internal import Foundation

  /// What the rest of `Torch` asks of macOS.
  enum Mac {
    /// The file of the running program.
    static var programPath: String? { Bundle.main.executablePath }

    /// The processor's product name.
    static var processorName: String? {
      var size = 0
      guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0 else { return nil }
      var text = [CChar](repeating: 0, count: size)
      guard sysctlbyname("machdep.cpu.brand_string", &text, &size, nil, 0) == 0 else { return nil }
      return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The most bytes that were resident so far.
    static var peakResidentBytes: Int? {
      var usage = rusage()
      return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : nil  // in bytes, unlike Linux
    }

    /// Bytes of pages that are free, or that the system can free without writing them.
    static var availableBytes: Int? {
      var pages = vm_statistics64()
      var count = mach_msg_type_number_t(
        MemoryLayout<vm_statistics64>.size / MemoryLayout<integer_t>.size)
      let status = withUnsafeMutablePointer(to: &pages) { pointer in
        pointer.withMemoryRebound(to: integer_t.self, capacity: Int(count)) { numbers in
          host_statistics64(mach_host_self(), HOST_VM_INFO64, numbers, &count)
        }
      }
      guard status == KERN_SUCCESS else { return nil }
      let free = Int(pages.free_count) + Int(pages.inactive_count) + Int(pages.purgeable_count)
      return free * Int(getpagesize())
    }

    /// Sets libtorch's variable; macOS has no large pages to ask for.
    static func prepareMemory() { ctorch_prepare_memory() }
  }
#endif
