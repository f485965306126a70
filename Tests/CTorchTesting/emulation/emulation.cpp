#include "emulation.h"

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <span>
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

/// A thread of the block, with its own stack.
struct Thread {
  enum State { ready, in_exchange, at_barrier, ended };

  State state = ready;
  float value = 0;  // given to an exchange, then received from it
  int mask = 0;
  ucontext_t context;
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStack);
};

class Block {
 public:
  Block(unsigned threads, const std::function<void()> &kernel)
      : kernel_(kernel), threads_(threads), warps_((threads + kWarp - 1) / kWarp) {
    std::iota(warps_.begin(), warps_.end(), 0u);
    for (Thread &thread : threads_) {
      getcontext(&thread.context);
      thread.context.uc_stack.ss_sp = thread.stack.get();
      thread.context.uc_stack.ss_size = kStack;
      thread.context.uc_link = &scheduler_;
      makecontext(&thread.context, enter, 0);
    }
  }

  /// Each warp in turn runs as far as it can, which reveals missing synchronization between warps.
  void run() {
    running_ = this;
    do {
      std::shuffle(warps_.begin(), warps_.end(), random_);
      for (const unsigned warp : warps_) {
        do {
          take_turns(warp);
        } while (release_exchange(warp));
      }
    } while (release_barrier());
    const bool has_ended = std::all_of(threads_.begin(), threads_.end(), [](const Thread &thread) {
      return thread.state == Thread::ended;
    });
    if (!has_ended) fail("threads wait for others that do not come");
    running_ = nullptr;
  }

  /// Suspends the running thread until it is resumed.
  static void wait(Thread::State state) {
    thread().state = state;
    swapcontext(&thread().context, &running_->scheduler_);
  }

  static Thread &thread() { return running_->threads_[threadIdx.x]; }

 private:
  static void enter() {
    running_->kernel_();
    thread().state = Thread::ended;
  }

  std::span<Thread> threads_of(unsigned warp) {
    const size_t start = warp * kWarp;
    return std::span(threads_).subspan(start, std::min<size_t>(kWarp, threads_.size() - start));
  }

  /// Resumes each thread that is ready, until it waits or ends.
  void take_turns(unsigned warp) {
    for (unsigned i = 0; i < threads_of(warp).size(); i++) {
      Thread &thread = threads_of(warp)[i];
      if (thread.state != Thread::ready) continue;
      threadIdx.x = warp * kWarp + i;
      swapcontext(&scheduler_, &thread.context);
    }
  }

  /// Completes an exchange once all threads of a warp have given a value.
  bool release_exchange(unsigned warp) {
    const std::span<Thread> threads = threads_of(warp);
    const int mask = threads[0].mask;
    const bool is_complete = threads.size() == kWarp &&
                             std::all_of(threads.begin(), threads.end(), [&](const Thread &thread) {
                               return thread.state == Thread::in_exchange && thread.mask == mask;
                             });
    if (!is_complete) return false;
    std::array<float, kWarp> values;
    for (unsigned i = 0; i < kWarp; i++) values[i] = threads[i].value;
    for (unsigned i = 0; i < kWarp; i++) {
      threads[i].value = values[i ^ static_cast<unsigned>(mask)];
      threads[i].state = Thread::ready;
    }
    return true;
  }

  /// Resumes the threads at a barrier once all threads wait there or have ended.
  bool release_barrier() {
    bool is_complete = true, has_waiting = false;
    for (const Thread &thread : threads_) {
      has_waiting |= thread.state == Thread::at_barrier;
      is_complete &= thread.state == Thread::at_barrier || thread.state == Thread::ended;
    }
    if (!is_complete || !has_waiting) return false;
    for (Thread &thread : threads_) {
      if (thread.state == Thread::at_barrier) thread.state = Thread::ready;
    }
    return true;
  }

  static inline Block *running_ = nullptr;

  const std::function<void()> &kernel_;
  ucontext_t scheduler_;
  std::vector<Thread> threads_;
  std::vector<unsigned> warps_;
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
