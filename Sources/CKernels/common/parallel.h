#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace dit {

/// The entry points of libtorch's OpenMP runtime, so that our loops run on libtorch's threads.
/// `at::parallel_for` does not: compiled without OpenMP it is serial.
struct OpenMP {
  using Body = void (*)(void *);
  void (*parallel)(Body, void *, unsigned threads, unsigned flags);
  int (*thread)(void);
  int (*team)(void);
  int (*inside)(void);

  static const OpenMP &shared() {
    static const OpenMP runtime = {
        reinterpret_cast<void (*)(Body, void *, unsigned, unsigned)>(
            dlsym(RTLD_DEFAULT, "GOMP_parallel")),
        reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_thread_num")),
        reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_num_threads")),
        reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_in_parallel")),
    };
    return runtime;
  }
};

/// Calls `body(thread, team)` on all of libtorch's threads, at most `most`.
/// `body` must not throw.
template <typename Body>
void in_team(int64_t most, const Body &body) {
  const OpenMP &runtime = OpenMP::shared();
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), most);
  if (threads <= 1 || runtime.parallel == nullptr || runtime.inside()) {
    body(int64_t{0}, int64_t{1});
    return;
  }
  runtime.parallel(
      [](void *data) {
        const OpenMP &runtime = OpenMP::shared();
        (*static_cast<const Body *>(data))(int64_t{runtime.thread()}, int64_t{runtime.team()});
      },
      const_cast<Body *>(&body), static_cast<unsigned>(threads), 0);
}

/// Calls `body(begin, end)` for equal parts of 0 ..< count on libtorch's threads. Each part has at
/// least `grain` elements. `body` must not throw.
template <typename Body>
void parallel_for(int64_t count, int64_t grain, const Body &body) {
  in_team((count + grain - 1) / grain, [&](int64_t thread, int64_t team) {
    const int64_t begin = count * thread / team;
    const int64_t end = count * (thread + 1) / team;
    if (begin < end) body(begin, end);
  });
}

/// Calls `body(begin, end)` for pieces of 0 ..< count on libtorch's threads as they become free.
/// Guided self-scheduling (after Polychronopoulos & Kuck 1987): pieces shrink, each an equal part
/// of half of the rest, at least `grain` except the last. `body` must not throw.
template <typename Body>
void parallel_pieces(int64_t count, int64_t grain, const Body &body) {
  std::atomic<int64_t> next = 0;
  in_team((count + grain - 1) / grain, [&](int64_t, int64_t team) {
    int64_t begin = next;
    while (begin < count) {
      const int64_t share = team == 1 ? count : (count - begin) / (2 * team);
      const int64_t end = std::min(count, begin + std::max(grain, share));
      if (!next.compare_exchange_weak(begin, end)) continue;
      body(begin, end);
      begin = next;
    }
  });
}

}  // namespace dit
