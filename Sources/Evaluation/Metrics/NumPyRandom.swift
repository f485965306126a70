/// The random integers of NumPy's `RandomState`: the Mersenne twister of Matsumoto & Nishimura 1998, whose
/// sequence NumPy keeps for good (NEP 19).
struct NumPyRandom {
  private var state: [UInt32]
  private var position: Int

  private static let length = 624
  private static let middle = 397

  /// The generator of a seed.
  init(seed: UInt32) {
    state = [seed]
    state.reserveCapacity(NumPyRandom.length)
    for index in 1..<UInt32(NumPyRandom.length) {
      let last = state[Int(index) - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ index)
    }
    position = NumPyRandom.length
  }

  /// 32 random bits.
  mutating func next() -> UInt32 {
    if position == NumPyRandom.length { refill() }
    var bits = state[position]
    position += 1
    bits ^= bits >> 11
    bits ^= bits << 7 & 0x9D2C_5680
    bits ^= bits << 15 & 0xEFC6_0000
    return bits ^ bits >> 18
  }

  private mutating func refill() {
    let (length, middle) = (NumPyRandom.length, NumPyRandom.middle)
    for index in 0..<length {
      let bits = state[index] & 0x8000_0000 | state[(index + 1) % length] & 0x7FFF_FFFF
      let twist: UInt32 = bits & 1 == 1 ? 0x9908_B0DF : 0
      state[index] = state[(index + middle) % length] ^ bits >> 1 ^ twist
    }
    position = 0
  }

  /// A number from 0 to `maximum`, which is below 2³², both included.
  mutating func number(upTo maximum: Int) -> Int {
    guard maximum > 0 else { return 0 }
    let mask = UInt32.max >> UInt32(maximum).leadingZeroBitCount
    while true {
      let bits = Int(next() & mask)
      if bits <= maximum { return bits }
    }
  }

  /// Different numbers below `count`, as `choice(count, size, replace=False)` gives them.
  mutating func choice(_ size: Int, of count: Int) -> [Int] {
    var numbers = Array(0..<count)
    for index in stride(from: count - 1, to: 0, by: -1) {
      numbers.swapAt(index, number(upTo: index))
    }
    return Array(numbers.prefix(size))
  }
}
