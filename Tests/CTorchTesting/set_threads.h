#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>

/// Sets how many threads this thread's teams have, so that other tests keep their number; false
/// where there is no OpenMP runtime.
inline bool set_threads(int count) {
  at::get_num_threads();
  using SetThreads = void (*)(int);
  const auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (set != nullptr) set(count);
  return set != nullptr;
}
