/// The operating system that this is built for.
typealias System = Linux
