#include "emulation.h"

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

emulation::Index threadIdx;
emulation::Index blockIdx;

namespace emulation {
namespace {

constexpr size_t kStack = 64 << 10;
constexpr unsigned kWarp = 32;

[[noreturn]] void fail(const char *message) {
  std::fprintf(stderr, "emulation of CUDA: block %u: %s\n", blockIdx.x, message);
  std::abort();
}

/// A thread of the block, on a stack of its own.
struct Thread {
  enum State { ready, in_exchange, at_barrier, ended };

  State state = ready;
  float value = 0;  // brought to an exchange, then found there
  int mask = 0;
  ucontext_t context;
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStack);
};

class Block {
 public:
  Block(unsigned threads, const std::function<void()> &kernel)
      : kernel_(kernel), threads_(threads), order_(threads) {
    for (unsigned i = 0; i < threads; i++) {
      order_[i] = i;
      Thread &thread = threads_[i];
      getcontext(&thread.context);
      thread.context.uc_stack.ss_sp = thread.stack.get();
      thread.context.uc_stack.ss_size = kStack;
      thread.context.uc_link = &scheduler_;
      makecontext(&thread.context, enter, 0);
    }
  }

  void run() {
    running_ = this;
    while (take_turns()) {
      release_warps();
      release_barrier();
    }
    running_ = nullptr;
  }

  /// Leaves the running thread until it is let on.
  static void wait(Thread::State state) {
    Thread &thread = running_->threads_[threadIdx.x];
    thread.state = state;
    swapcontext(&thread.context, &running_->scheduler_);
  }

  static Thread &thread() { return running_->threads_[threadIdx.x]; }

 private:
  static void enter() {
    running_->kernel_();
    thread().state = Thread::ended;
  }

  /// Lets each thread that may go on until it waits or ends; whether any has not ended.
  bool take_turns() {
    std::shuffle(order_.begin(), order_.end(), random_);
    bool has_run = false;
    for (const unsigned i : order_) {
      if (threads_[i].state != Thread::ready) continue;
      has_run = true;
      threadIdx.x = i;
      swapcontext(&scheduler_, &threads_[i].context);
    }
    const bool has_ended = std::all_of(threads_.begin(), threads_.end(), [](const Thread &thread) {
      return thread.state == Thread::ended;
    });
    if (!has_run && !has_ended) fail("threads wait for others that do not come");
    return !has_ended;
  }

  void release_warps() {
    for (size_t start = 0; start < threads_.size(); start += kWarp) {
      const auto begin = threads_.begin() + static_cast<ptrdiff_t>(start);
      if (threads_.size() - start < kWarp) continue;
      const int mask = begin->mask;
      std::array<float, kWarp> values;
      bool is_complete = true;
      for (unsigned i = 0; i < kWarp; i++) {
        is_complete &= begin[i].state == Thread::in_exchange && begin[i].mask == mask;
        values[i] = begin[i].value;
      }
      if (!is_complete) continue;
      for (unsigned i = 0; i < kWarp; i++) {
        begin[i].value = values[i ^ static_cast<unsigned>(mask)];
        begin[i].state = Thread::ready;
      }
    }
  }

  void release_barrier() {
    const bool is_complete =
        std::all_of(threads_.begin(), threads_.end(), [](const Thread &thread) {
          return thread.state == Thread::at_barrier || thread.state == Thread::ended;
        });
    if (!is_complete) return;
    for (Thread &thread : threads_) {
      if (thread.state == Thread::at_barrier) thread.state = Thread::ready;
    }
  }

  static inline Block *running_ = nullptr;

  const std::function<void()> &kernel_;
  ucontext_t scheduler_;
  std::vector<Thread> threads_;
  std::vector<unsigned> order_;
  std::minstd_rand random_;
};

}  // namespace

void wait_for_block() { Block::wait(Thread::at_barrier); }

float exchanged(float value, int mask) {
  Block::thread().value = value;
  Block::thread().mask = mask;
  Block::wait(Thread::in_exchange);
  return Block::thread().value;
}

void run(unsigned blocks, unsigned threads, const std::function<void()> &kernel) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) Block(threads, kernel).run();
}

}  // namespace emulation
