#pragma once

#include <stdbool.h>

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A key-value store shared by the processes of a job over TCP.
typedef struct ctorch_store {
  void *impl;
} ctorch_store;

/// Processes that reduce and exchange tensors.
typedef struct ctorch_group {
  void *impl;
} ctorch_group;

/// Connects to the store at `host` and `port`. The server also listens there; its port 0 is any
/// free one. `prefix` is put before all keys. Each later call may take `milliseconds`.
ctorch_status ctorch_store_create(const char *host, uint16_t port, bool is_server,
                                  const char *prefix, int64_t milliseconds, ctorch_store *result,
                                  uint16_t *actual_port);
void ctorch_store_release(ctorch_store store);
ctorch_status ctorch_store_set(ctorch_store store, const char *key, const char *value);
/// Waits for a key. The text is terminated, and cut to `capacity`.
ctorch_status ctorch_store_get(ctorch_store store, const char *key, char *value, size_t capacity);
ctorch_status ctorch_store_has(ctorch_store store, const char *key, bool *result);
/// Adds to a counter that starts at 0, and returns its new value.
ctorch_status ctorch_store_add(ctorch_store store, const char *key, int64_t amount,
                               int64_t *result);

/// Joins the Gloo group of `size` processes. This one listens at `address`; null takes the
/// interface of GLOO_SOCKET_IFNAME. Waits for all.
ctorch_status ctorch_group_create(ctorch_store store, int32_t rank, int32_t size,
                                  const char *address, int64_t milliseconds, ctorch_group *result);
void ctorch_group_release(ctorch_group group);
/// Replaces a tensor by its sum over all ranks.
ctorch_status ctorch_group_sum(ctorch_group group, ctorch_tensor tensor);
/// Copies each tensor from the rank in `roots` to all others.
ctorch_status ctorch_group_broadcast(ctorch_group group, const ctorch_tensor *tensors,
                                     const int32_t *roots, int64_t count);

/// Gradients in buckets, summed over a group during the backward pass.
typedef struct ctorch_buckets {
  void *impl;
} ctorch_buckets;

/// The time of sums in one backward pass, in seconds.
typedef struct ctorch_exchange {
  /// With at least one bucket under way.
  double busy;
  /// Of that, after the end of the backward pass.
  double exposed;
} ctorch_exchange;

/// Hooks into leaves of one type on one device. The last leaves share the first bucket, because
/// their gradients come first. A bucket is full at `bucket_bytes`.
ctorch_status ctorch_buckets_create(ctorch_group group, const ctorch_tensor *leaves, int64_t count,
                                    int64_t bucket_bytes, ctorch_buckets *result);
void ctorch_buckets_release(ctorch_buckets buckets);
/// Sums gradients during the next backward pass, the last of a step.
ctorch_status ctorch_buckets_arm(ctorch_buckets buckets);
/// Waits until the gradients of all leaves are sums; missing gradients count as zeros.
ctorch_status ctorch_buckets_finish(ctorch_buckets buckets, ctorch_exchange *exchange);

#ifdef __cplusplus
}
#endif
