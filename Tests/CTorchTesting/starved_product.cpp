#include "CTorchTesting.h"

#if defined(DIT_KERNELS_OFF)

int ctorch_testing_starved_product(void) { return 0; }

#else

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <new>
#include <thread>
#include <vector>

#include "common/parallel.h"
#include "matmul/product.h"
#include "set_threads.h"

namespace {

/// Allocates large blocks: all that there is, or one.
void take(bool all) {
  for (size_t count = 1 << 24; count >= 1 << 16; count /= 2) {
    while (void *block = std::malloc(count)) {
      // An untouched block would be optimized away.
      *static_cast<volatile char *>(block) = 0;
      if (!all) return;
    }
  }
}

/// Limits the process to its present memory, and uses up the free memory of each thread.
void starve() {
  // A thread allocates some memory of its own first.
  dit::in_team(2, [](int64_t, int64_t) { take(false); });
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t size = static_cast<rlim_t>(pages) * 4096;
  const rlimit limit = {size, size};
  setrlimit(RLIMIT_AS, &limit);
  dit::in_team(2, [](int64_t, int64_t) { take(true); });
}

}  // namespace

int ctorch_testing_starved_product(void) {
  bool has_thrown = false;
  std::thread([&] {
    const int64_t m = 6000, n = 16, k = 8;
    const std::vector<float> a(m * k), b(k * n);
    std::vector<float> c(m * n);
    const dit::Product product{.a = {a.data(), k, false},
                               .b = {b.data(), n, false},
                               .c = c.data(),
                               .m = m,
                               .n = n,
                               .k = k};
    // This thread gets its memory from a first product; the other one must find none.
    if (!set_threads(1)) return;
    multiply(product);
    set_threads(2);
    starve();
    // The other thread may come too late for a piece.
    for (int i = 0; i < 10000 && !has_thrown; i++) {
      try {
        multiply(product);
      } catch (const std::bad_alloc &) {
        has_thrown = true;
      }
    }
  }).join();
  return has_thrown;
}

#endif
