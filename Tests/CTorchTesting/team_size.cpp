#include <atomic>
#include <thread>

#include "CTorchTesting.h"
#include "common/parallel.h"
#include "set_threads.h"

int ctorch_testing_team_size(int threads) {
  std::atomic<int> count = 0;
  std::thread([&] {
    if (!set_threads(threads)) return;
    dit::in_team(64, [&](int64_t, int64_t) { count++; });
  }).join();
  return count;
}
