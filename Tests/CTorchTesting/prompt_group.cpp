#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "CTorchTesting.h"

namespace {

class PromptWork : public c10d::Work {
 public:
  bool wait(std::chrono::milliseconds) override { return true; }

  c10::intrusive_ptr<c10::ivalue::Future> getFuture() override {
    auto future = c10::make_intrusive<c10::ivalue::Future>(c10::NoneType::get());
    future->markCompleted();
    return future;
  }
};

class PromptGroup : public c10d::Backend {
 public:
  using Backend::Backend;

  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor> &,
                                           const c10d::AllreduceOptions &) override {
    return c10::make_intrusive<PromptWork>();
  }
};

}  // namespace

void *ctorch_testing_prompt_group() {
  c10::intrusive_ptr<c10d::Backend> group = c10::make_intrusive<PromptGroup>(0, 1);
  return group.release();
}
