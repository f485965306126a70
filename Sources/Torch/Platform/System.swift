/// The operating system that this is built for.
#if os(macOS)
  typealias System = Mac
#else
  typealias System = Linux
#endif
