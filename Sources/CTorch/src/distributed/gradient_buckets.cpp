// All-reduce of gradients that overlaps the backward pass (Li et al. 2020, section 3.2.3): a bucket
// is summed once its last gradient is there, while gradients of earlier layers are computed.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "distributed.h"
#include "guard.h"
#include "handles.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

struct Bucket {
  at::Tensor buffer;
  size_t leaf_count = 0;
  size_t missing = 0;
  c10::intrusive_ptr<c10d::Work> work;
  Clock::time_point start;
  /// Written by the group's thread before `work` completes. Meaningless for NCCL, whose work seems
  /// complete once the GPU has it.
  std::shared_ptr<Clock::time_point> end;
};

struct Leaf {
  at::Tensor tensor;
  /// The view of the bucket's buffer in the shape of the leaf.
  at::Tensor view;
  size_t bucket = 0;
  bool is_ready = false;
};

struct Hook : torch::autograd::PostAccumulateGradHook {
  std::function<void()> body;

  explicit Hook(std::function<void()> body) : body(std::move(body)) {}
  void operator()(const at::Tensor &) override { body(); }
};

class GradientBuckets {
 public:
  GradientBuckets(c10::intrusive_ptr<c10d::Backend> group, const std::vector<at::Tensor> &tensors,
                  int64_t bucket_bytes)
      : group_(std::move(group)), leaves_(tensors.size()) {
    std::vector<size_t> members;
    int64_t bytes = 0;
    for (size_t i = tensors.size(); i-- > 0;) {
      TORCH_CHECK(
          tensors[i].dtype() == tensors[0].dtype() && tensors[i].device() == tensors[0].device(),
          "gradients of one type on one device were expected");
      leaves_[i].tensor = tensors[i];
      members.push_back(i);
      bytes += static_cast<int64_t>(tensors[i].nbytes());
      if (bytes >= bucket_bytes || i == 0) {
        add_bucket(members);
        members.clear();
        bytes = 0;
      }
    }
    for (size_t i = 0; i < leaves_.size(); ++i) {
      torch::autograd::impl::set_post_acc_grad_hooks(
          leaves_[i].tensor, std::make_unique<Hook>([this, i] { accumulated(i); }));
    }
  }

  GradientBuckets(const GradientBuckets &) = delete;
  GradientBuckets &operator=(const GradientBuckets &) = delete;

  ~GradientBuckets() {
    for (const Leaf &leaf : leaves_) {
      torch::autograd::impl::set_post_acc_grad_hooks(leaf.tensor, nullptr);
    }
  }

  void arm() {
    for (Leaf &leaf : leaves_) leaf.is_ready = false;
    for (Bucket &bucket : buckets_) bucket.missing = bucket.leaf_count;
    next_ = 0;
    is_armed_ = true;
  }

  ctorch_exchange finish() {
    catch_up();
    const auto backward_end = Clock::now();
    at::NoGradGuard no_grad;
    for (size_t i = leaves_.size(); i-- > 0;) {
      if (leaves_[i].is_ready) continue;
      if (!leaves_[i].tensor.grad().defined()) leaves_[i].view.zero_();
      accumulated(i);
    }
    is_armed_ = false;
    ctorch_exchange exchange{0, 0};
    auto covered = Clock::time_point::min();
    for (Bucket &bucket : buckets_) {
      bucket.work->wait();
      bucket.work.reset();
      catch_up();
      const auto end = bucket.buffer.is_cpu() ? *bucket.end : Clock::now();
      exchange.busy += std::max(0.0, seconds(end - std::max(bucket.start, covered)));
      exchange.exposed +=
          std::max(0.0, seconds(end - std::max({bucket.start, covered, backward_end})));
      covered = std::max(covered, end);
    }
    for (Leaf &leaf : leaves_) leaf.tensor.mutable_grad() = leaf.view;
    return exchange;
  }

 private:
  /// Waits for the device; otherwise times on a GPU mean nothing.
  void catch_up() const {
    const at::Device device = buckets_[0].buffer.device();
    const c10::impl::VirtualGuardImpl guard(device.type());
    guard.synchronizeStream(guard.getStream(device));
  }

  void add_bucket(const std::vector<size_t> &members) {
    int64_t count = 0;
    for (const size_t i : members) count += leaves_[i].tensor.numel();
    Bucket bucket;
    bucket.leaf_count = members.size();
    bucket.buffer = at::empty({count}, leaves_[members[0]].tensor.options());
    int64_t offset = 0;
    for (const size_t i : members) {
      Leaf &leaf = leaves_[i];
      leaf.bucket = buckets_.size();
      leaf.view = bucket.buffer.narrow(0, offset, leaf.tensor.numel()).view(leaf.tensor.sizes());
      offset += leaf.tensor.numel();
    }
    buckets_.push_back(std::move(bucket));
  }

  /// Called when a leaf has accumulated a gradient: moves it to the buffer, where later backward
  /// passes add to it.
  void accumulated(size_t index) {
    at::NoGradGuard no_grad;
    Leaf &leaf = leaves_[index];
    // The bucket may be under way.
    TORCH_CHECK(!is_armed_ || !leaf.is_ready, "the gradient of parameter ", index, " of shape ",
                leaf.tensor.sizes(), " came twice in the last backward pass of a step");
    at::Tensor &gradient = leaf.tensor.mutable_grad();
    if (gradient.defined() && !gradient.is_alias_of(leaf.view)) {
      leaf.view.copy_(gradient);
      gradient = leaf.view;
    }
    if (!is_armed_) return;
    leaf.is_ready = true;
    --buckets_[leaf.bucket].missing;
    // All ranks sum in the order of the buckets.
    while (next_ < buckets_.size() && buckets_[next_].missing == 0) launch(buckets_[next_++]);
  }

  void launch(Bucket &bucket) {
    bucket.start = Clock::now();
    bucket.end = std::make_shared<Clock::time_point>();
    std::vector<at::Tensor> tensors{bucket.buffer};
    bucket.work = group_->allreduce(tensors);
    bucket.work->getFuture()->addCallback(
        [end = bucket.end](c10::ivalue::Future &) { *end = Clock::now(); });
  }

  c10::intrusive_ptr<c10d::Backend> group_;
  std::vector<Leaf> leaves_;
  std::vector<Bucket> buckets_;
  size_t next_ = 0;
  bool is_armed_ = false;
};

GradientBuckets &buckets_of(ctorch_buckets handle) {
  return *static_cast<GradientBuckets *>(handle.impl);
}

}  // namespace

ctorch_status ctorch_buckets_create(ctorch_group group, const ctorch_tensor *leaves, int64_t count,
                                    int64_t bucket_bytes, ctorch_buckets *result) {
  return ctorch::guarded([&] {
    std::vector<at::Tensor> tensors;
    for (int64_t i = 0; i < count; ++i) tensors.push_back(ctorch::retained(leaves[i]));
    result->impl = new GradientBuckets(ctorch::retained_group(group), tensors, bucket_bytes);
  });
}

void ctorch_buckets_release(ctorch_buckets buckets) {
  delete static_cast<GradientBuckets *>(buckets.impl);
}

ctorch_status ctorch_buckets_arm(ctorch_buckets buckets) {
  return ctorch::guarded([&] { buckets_of(buckets).arm(); });
}

ctorch_status ctorch_buckets_finish(ctorch_buckets buckets, ctorch_exchange *exchange) {
  return ctorch::guarded([&] { *exchange = buckets_of(buckets).finish(); });
}
