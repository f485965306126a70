#include <atomic>
#include <thread>

#include "../../Sources/CTorch/src/kernels/parallel.h"
#include "CTorchTesting.h"

int ctorch_testing_team_size(int threads) {
  std::atomic<int> count = 0;
  // The number is that of the thread that sets it, so that other tests keep theirs.
  std::thread([&] {
    at::get_num_threads();
    using SetThreads = void (*)(int);
    const auto set_threads =
        reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
    if (set_threads == nullptr) return;
    set_threads(threads);
    dit::in_team(64, [&](int64_t, int64_t) { count++; });
  }).join();
  return count;
}
