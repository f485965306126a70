#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdint>

namespace dit {

/// The entry points of the OpenMP runtime that libtorch has loaded, so that our loops run on
/// libtorch's own threads. `at::parallel_for` cannot be used: its header is serial for a compiler
/// without OpenMP.
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

/// Calls `body(begin, end)` for parts of 0 ..< count, each at least `grain` long, on libtorch's
/// threads. `body` must not throw.
template <typename Body>
void parallel_for(int64_t count, int64_t grain, const Body &body) {
  const OpenMP &runtime = OpenMP::shared();
  const int64_t useful = grain > 0 ? (count + grain - 1) / grain : count;
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), useful);
  if (threads <= 1 || runtime.parallel == nullptr || runtime.inside()) {
    if (count > 0) body(int64_t{0}, count);
    return;
  }
  struct Work {
    const Body &body;
    int64_t count;
  } work{body, count};
  runtime.parallel(
      [](void *data) {
        const auto &work = *static_cast<Work *>(data);
        const OpenMP &runtime = OpenMP::shared();
        const int64_t team = runtime.team();
        const int64_t index = runtime.thread();
        const int64_t begin = work.count * index / team;
        const int64_t end = work.count * (index + 1) / team;
        if (begin < end) work.body(begin, end);
      },
      &work, static_cast<unsigned>(threads), 0);
}

}  // namespace dit
