/// The memory of this process.
public enum ProcessMemory {
  /// Keeps freed memory with the process, and puts large tensors in pages of 2 MB if the system has
  /// them. To be called before the first tensor is made.
  ///
  /// Training steps and decoding free and allocate the same large blocks again and again, and the
  /// system would clear each page each time. With small pages a training step takes 5 to 10 % longer.
  public static func prepare() { System.prepareMemory() }

  /// The most bytes that were resident so far; 0 if the system does not tell.
  public static var peakBytes: Int { System.peakResidentBytes ?? 0 }

  /// Bytes that processes can still take without swapping, at most the limit of this one's control
  /// group; nil if the system does not tell.
  public static var availableBytes: Int? { System.availableBytes }
}
