public import Testing
internal import Torch

extension Trait where Self == ConditionTrait {
  /// For tests of our kernels, which `DIT_KERNELS=off` leaves out of the build.
  public static var ownKernels: Self {
    .enabled(if: Processor.hasOwnKernels, "built without our kernels")
  }
}
