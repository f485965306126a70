/// The generator SplitMix64 (Steele, Lea & Flood 2014); its numbers never change.
struct SplitMix64 {
  private var state: UInt64

  /// A generator seeded by several numbers, such as a seed and an epoch.
  init(_ keys: UInt64...) {
    state = keys.reduce(0) { SplitMix64.mixed($0 &+ SplitMix64.step &+ $1) }
  }

  /// The next 64 bits.
  mutating func next() -> UInt64 {
    state &+= SplitMix64.step
    return SplitMix64.mixed(state)
  }

  /// A uniform number below `bound` (Lemire 2019).
  mutating func next(below bound: Int) -> Int {
    let bound = UInt64(bound)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// The numbers 0 ..< `count` in random order (Fisher & Yates, from the end).
  mutating func permutation(_ count: Int) -> [Int] {
    var numbers = Array(0..<count)
    for place in stride(from: count - 1, to: 0, by: -1) {
      numbers.swapAt(place, next(below: place + 1))
    }
    return numbers
  }

  private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mixed(_ value: UInt64) -> UInt64 {
    let first = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    let second = (first ^ (first >> 27)) &* 0x94D0_49BB_1331_11EB
    return second ^ (second >> 31)
  }
}
