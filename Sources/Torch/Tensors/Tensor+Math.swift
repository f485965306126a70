private enum Math {
  static let add = Operator("aten::add.Tensor")
  static let addScalar = Operator("aten::add.Scalar")
  static let subtract = Operator("aten::sub.Tensor")
  static let subtractScalar = Operator("aten::sub.Scalar")
  static let multiply = Operator("aten::mul.Tensor")
  static let multiplyScalar = Operator("aten::mul.Scalar")
  static let divide = Operator("aten::div.Tensor")
  static let divideScalar = Operator("aten::div.Scalar")
  static let negative = Operator("aten::neg")
  static let exp = Operator("aten::exp")
  static let log = Operator("aten::log")
  static let squareRoot = Operator("aten::sqrt")
  static let reciprocal = Operator("aten::reciprocal")
  static let power = Operator("aten::pow.Tensor_Scalar")
  static let square = Operator("aten::square")
  static let absolute = Operator("aten::abs")
  static let sine = Operator("aten::sin")
  static let cosine = Operator("aten::cos")
  static let tanh = Operator("aten::tanh")
  static let clamp = Operator("aten::clamp")
  static let maximum = Operator("aten::maximum")
  static let matmul = Operator("aten::matmul")
  static let sum = Operator("aten::sum.dim_IntList")
  static let sumAll = Operator("aten::sum")
  static let mean = Operator("aten::mean.dim")
  static let meanAll = Operator("aten::mean")
  static let max = Operator("aten::max")
  static let min = Operator("aten::min")
  static let norm = Operator("aten::linalg_vector_norm")
  static let addcmul = Operator("aten::addcmul")
  static let whereSelf = Operator("aten::where.self")
  static let equal = Operator("aten::eq.Tensor")
  static let equalScalar = Operator("aten::eq.Scalar")
  static let lessScalar = Operator("aten::lt.Scalar")
  static let less = Operator("aten::lt.Tensor")
  static let greaterScalar = Operator("aten::gt.Scalar")
  static let isFinite = Operator("aten::isfinite")
  static let all = Operator("aten::all")
  static let any = Operator("aten::any")
}

extension Tensor {
  /// The elementwise sum; shapes broadcast.
  public static func + (a: Tensor, b: Tensor) -> Tensor { Math.add(.tensor(a), .tensor(b)) }
  /// Adds a number to each element.
  public static func + (a: Tensor, b: Double) -> Tensor { Math.addScalar(.tensor(a), .double(b)) }
  /// The elementwise difference; shapes broadcast.
  public static func - (a: Tensor, b: Tensor) -> Tensor { Math.subtract(.tensor(a), .tensor(b)) }
  /// Subtracts a number from each element.
  public static func - (a: Tensor, b: Double) -> Tensor {
    Math.subtractScalar(.tensor(a), .double(b))
  }
  /// The elementwise product; shapes broadcast.
  public static func * (a: Tensor, b: Tensor) -> Tensor { Math.multiply(.tensor(a), .tensor(b)) }
  /// Multiplies each element by a number.
  public static func * (a: Tensor, b: Double) -> Tensor {
    Math.multiplyScalar(.tensor(a), .double(b))
  }
  /// Multiplies each element by a number.
  public static func * (a: Double, b: Tensor) -> Tensor { b * a }
  /// The elementwise quotient; shapes broadcast.
  public static func / (a: Tensor, b: Tensor) -> Tensor { Math.divide(.tensor(a), .tensor(b)) }
  /// Divides each element by a number.
  public static func / (a: Tensor, b: Double) -> Tensor {
    Math.divideScalar(.tensor(a), .double(b))
  }
  /// The elements with the opposite sign.
  public static prefix func - (a: Tensor) -> Tensor { Math.negative(.tensor(a)) }

  /// e to the power of each element.
  public var exponential: Tensor { Math.exp(.tensor(self)) }
  /// The natural logarithm of each element.
  public var logarithm: Tensor { Math.log(.tensor(self)) }
  /// The square root of each element.
  public var squareRoot: Tensor { Math.squareRoot(.tensor(self)) }
  /// One over each element.
  public var reciprocal: Tensor { Math.reciprocal(.tensor(self)) }
  /// Each element to a power.
  public func power(_ exponent: Double) -> Tensor { Math.power(.tensor(self), .double(exponent)) }
  /// The square of each element.
  public var squared: Tensor { Math.square(.tensor(self)) }
  /// The absolute value of each element.
  public var magnitude: Tensor { Math.absolute(.tensor(self)) }
  /// The sine of each element, in radians.
  public var sine: Tensor { Math.sine(.tensor(self)) }
  /// The cosine of each element, in radians.
  public var cosine: Tensor { Math.cosine(.tensor(self)) }
  /// The hyperbolic tangent of each element.
  public var hyperbolicTangent: Tensor { Math.tanh(.tensor(self)) }

  /// Clamps the elements to a range; nil leaves a side open.
  public func clamped(min: Double? = nil, max: Double? = nil) -> Tensor {
    Math.clamp(
      .tensor(self), min.map(Argument.double) ?? .none, max.map(Argument.double) ?? .none)
  }
  /// The elementwise maximum.
  public func maximum(_ other: Tensor) -> Tensor { Math.maximum(.tensor(self), .tensor(other)) }

  /// The matrix product of the last two dimensions; leading ones broadcast.
  public func matmul(_ other: Tensor) -> Tensor { Math.matmul(.tensor(self), .tensor(other)) }

  /// The sum of all elements, a scalar.
  public func sum() -> Tensor { Math.sumAll(.tensor(self)) }
  /// The sum along some dimensions.
  public func sum(axes: [Int], keepingDims: Bool = false) -> Tensor {
    Math.sum(.tensor(self), .ints(axes), .bool(keepingDims))
  }
  /// The mean of all elements, a scalar.
  public func mean() -> Tensor { Math.meanAll(.tensor(self)) }
  /// The mean along some dimensions.
  public func mean(axes: [Int], keepingDims: Bool = false) -> Tensor {
    Math.mean(.tensor(self), .ints(axes), .bool(keepingDims))
  }
  /// The largest element, a scalar.
  public func max() -> Tensor { Math.max(.tensor(self)) }
  /// The smallest element, a scalar.
  public func min() -> Tensor { Math.min(.tensor(self)) }
  /// The Euclidean norm of all elements, a scalar.
  public func norm() -> Tensor { Math.norm(.tensor(self)) }

  /// self + scale * a * b, elementwise with broadcasting.
  public func addingProduct(_ a: Tensor, _ b: Tensor, scale: Double = 1) -> Tensor {
    Math.addcmul(.tensor(self), .tensor(a), .tensor(b), .double(scale))
  }

  /// Elements of `a` where this bool tensor is true, else of `b`.
  public func select(_ a: Tensor, else b: Tensor) -> Tensor {
    Math.whereSelf(.tensor(self), .tensor(a), .tensor(b))
  }
  /// Whether elements are equal, as bool.
  public func isEqual(to other: Tensor) -> Tensor { Math.equal(.tensor(self), .tensor(other)) }
  /// Whether elements equal a number, as bool.
  public func isEqual(to value: Double) -> Tensor {
    Math.equalScalar(.tensor(self), .double(value))
  }
  /// Whether elements are below those of another tensor, as bool.
  public func isLess(than other: Tensor) -> Tensor { Math.less(.tensor(self), .tensor(other)) }
  /// Whether elements are below a number, as bool.
  public func isLess(than value: Double) -> Tensor {
    Math.lessScalar(.tensor(self), .double(value))
  }
  /// Whether elements are above a number, as bool.
  public func isGreater(than value: Double) -> Tensor {
    Math.greaterScalar(.tensor(self), .double(value))
  }
  /// Whether elements are neither infinite nor NaN, as bool.
  public var isFinite: Tensor { Math.isFinite(.tensor(self)) }
  /// Whether all elements of a bool tensor are true.
  public var allTrue: Bool { Math.all(.tensor(self)).item != 0 }
  /// Whether any element of a bool tensor is true.
  public var anyTrue: Bool { Math.any(.tensor(self)).item != 0 }
}
