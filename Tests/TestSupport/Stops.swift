public import Testing
public import Torch

private struct Stop: Error {}

/// Expects of work with a check between its steps that the check changes nothing, that it is called
/// `least` times at least, that the work ends where it throws, and that a later run is unaffected.
///
/// - Parameters:
///   - least: steps that there are.
///   - location: of the caller.
///   - work: given the check.
/// - Throws: what `work` throws by itself.
public func expectStops(
  least: Int, _ location: SourceLocation = #_sourceLocation,
  _ work: (_ check: () throws -> Void) throws -> Tensor
) throws {
  let expected = try work {}
  var count = 0
  let result = try work { count += 1 }
  #expect(relativeError(result, expected) == 0, sourceLocation: location)
  #expect(count >= least, sourceLocation: location)
  for last in [1, count / 2, count] {
    var calls = 0
    #expect(throws: Stop.self, sourceLocation: location) {
      _ = try work {
        calls += 1
        if calls == last { throw Stop() }
      }
    }
    #expect(calls == last, sourceLocation: location)
  }
  #expect(relativeError(try work {}, expected) == 0, sourceLocation: location)
}
