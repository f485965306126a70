#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>

/// Sets the number of threads of this thread's teams; other tests keep theirs. False without an
/// OpenMP runtime.
inline bool set_threads(int count) {
  at::get_num_threads();
  using SetThreads = void (*)(int);
  const auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set != nullptr) set(count);
  return set != nullptr;
}
