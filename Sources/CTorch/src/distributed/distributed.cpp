// Collectives by libtorch's c10d: TCP store and Gloo group.

#include "distributed.h"

#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <c10/util/Logging.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "guard.h"
#include "handles.h"

using ctorch::guarded;

namespace {

c10::intrusive_ptr<c10d::Store> retained_store(ctorch_store store) {
  return c10::intrusive_ptr<c10d::Store>::reclaim_copy(static_cast<c10d::Store *>(store.impl));
}

/// Silences c10d's warnings and errors, with long traces, about broken connections: callers report
/// which rank is lost. libtorch's variable for the log level brings them back.
void keep_warnings_back() {
  if (std::getenv("TORCH_CPP_LOG_LEVEL") != nullptr) {
    c10::initLogging();
  } else {
    FLAGS_caffe2_log_level = 3;  // fatal errors
  }
}

}  // namespace

ctorch_status ctorch_store_create(const char *host, uint16_t port, bool is_server,
                                  const char *prefix, int64_t milliseconds, ctorch_store *result,
                                  uint16_t *actual_port) {
  return guarded([&] {
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = is_server;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(milliseconds);
    static std::once_flag once;
    std::call_once(once, keep_warnings_back);
    auto tcp = c10::make_intrusive<c10d::TCPStore>(host, options);
    *actual_port = tcp->getPort();
    c10::intrusive_ptr<c10d::Store> store = tcp;
    if (*prefix != '\0') store = c10::make_intrusive<c10d::PrefixStore>(prefix, store);
    result->impl = store.release();
  });
}

void ctorch_store_release(ctorch_store store) {
  c10::intrusive_ptr<c10d::Store>::reclaim(static_cast<c10d::Store *>(store.impl));
}

ctorch_status ctorch_store_set(ctorch_store store, const char *key, const char *value) {
  return guarded([&] {
    const std::string text(value);
    retained_store(store)->set(key, std::vector<uint8_t>(text.begin(), text.end()));
  });
}

ctorch_status ctorch_store_get(ctorch_store store, const char *key, char *value, size_t capacity) {
  return guarded([&] {
    const auto bytes = retained_store(store)->get(key);
    const size_t count = std::min(bytes.size(), capacity - 1);
    std::memcpy(value, bytes.data(), count);
    value[count] = '\0';
  });
}

ctorch_status ctorch_store_has(ctorch_store store, const char *key, bool *result) {
  return guarded([&] { *result = retained_store(store)->check({key}); });
}

ctorch_status ctorch_store_add(ctorch_store store, const char *key, int64_t amount,
                               int64_t *result) {
  return guarded([&] { *result = retained_store(store)->add(key, amount); });
}

ctorch_status ctorch_group_create(ctorch_store store, int32_t rank, int32_t size,
                                  const char *address, int64_t milliseconds, ctorch_group *result) {
  return guarded([&] {
    using c10d::ProcessGroupGloo;
    const std::chrono::milliseconds timeout(milliseconds);
    auto options = address == nullptr ? ProcessGroupGloo::Options::create_default(timeout)
                                      : ProcessGroupGloo::Options::create(timeout);
    if (address != nullptr) {
      options->devices.push_back(ProcessGroupGloo::createDeviceForHostname(address));
    }
    c10::intrusive_ptr<c10d::Backend> group =
        c10::make_intrusive<ProcessGroupGloo>(retained_store(store), rank, size, options);
    result->impl = group.release();
  });
}

void ctorch_group_release(ctorch_group group) {
  c10::intrusive_ptr<c10d::Backend>::reclaim(static_cast<c10d::Backend *>(group.impl));
}

ctorch_status ctorch_group_sum(ctorch_group group, ctorch_tensor tensor) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{ctorch::retained(tensor)};
    ctorch::retained_group(group)->allreduce(tensors)->wait();
  });
}

ctorch_status ctorch_group_broadcast(ctorch_group group, const ctorch_tensor *tensors,
                                     const int32_t *roots, int64_t count) {
  return guarded([&] {
    const auto backend = ctorch::retained_group(group);
    std::vector<c10::intrusive_ptr<c10d::Work>> works;
    for (int64_t i = 0; i < count; ++i) {
      std::vector<at::Tensor> list{ctorch::retained(tensors[i])};
      c10d::BroadcastOptions options;
      options.rootRank = roots[i];
      works.push_back(backend->broadcast(list, options));
    }
    for (const auto &work : works) work->wait();
  });
}
