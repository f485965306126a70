internal import Evaluation

extension EvaluationError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .unknownFeatures, .model:
      "give --features pt_inception-2015-12-05-6726825d.pth, a DINOv2 ViT-B/14 or ViT-L/14 (.safetensors), or self"
    case .otherFeatures: "make the reference anew with --save-reference and the same --features"
    case .incompleteReference: "give a reference that has it, or leave the metric out of --metrics"
    case .incompleteSamples: "give the command that makes it once more, which goes on"
    case .noClasses:
      "put the images of each class into a folder of its own, or give a file to --features"
    case .otherSize: "give --image-size N, to which images of folders are cropped and resized"
    case .unsuitedMetric: "leave it out of --metrics, or give other --features"
    case .tooManyLeftOut: "remove or replace them; of a model, --precision fp32 may help"
    case .savedReference: "leave --save-reference out, or give a folder of images"
    case .invalidReference, .noImages, .tooFewImages, .nonFinite: nil
    }
  }
}
