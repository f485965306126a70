#pragma once

#include <stdbool.h>

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A key-value store that the processes of a job share over TCP.
typedef struct ctorch_store {
  void *impl;
} ctorch_store;

/// Processes that reduce and exchange tensors.
typedef struct ctorch_group {
  void *impl;
} ctorch_group;

/// Connects to the store at `host` and `port`; as the server it also listens there, and port 0 is
/// any free one. Keys get `prefix` before them. Each later call may take `milliseconds`.
ctorch_status ctorch_store_create(const char *host, uint16_t port, bool is_server,
                                  const char *prefix, int64_t milliseconds, ctorch_store *result,
                                  uint16_t *actual_port);
void ctorch_store_release(ctorch_store store);
ctorch_status ctorch_store_set(ctorch_store store, const char *key, const char *value);
/// Waits for a key. The text is always terminated, and cut to `capacity`.
ctorch_status ctorch_store_get(ctorch_store store, const char *key, char *value, size_t capacity);
ctorch_status ctorch_store_has(ctorch_store store, const char *key, bool *result);
/// Adds to a number that starts at 0, and gives the sum.
ctorch_status ctorch_store_add(ctorch_store store, const char *key, int64_t amount,
                               int64_t *result);

/// Joins the Gloo group of `size` processes, with this one listening at `address`, or as
/// GLOO_SOCKET_IFNAME says if that is null. Waits for all.
ctorch_status ctorch_group_create(ctorch_store store, int32_t rank, int32_t size,
                                  const char *address, int64_t milliseconds, ctorch_group *result);
void ctorch_group_release(ctorch_group group);
/// Puts the sum over all ranks in place of a tensor.
ctorch_status ctorch_group_sum(ctorch_group group, ctorch_tensor tensor);
/// Gives all ranks the tensors of the ranks named by `roots`, one for each tensor.
ctorch_status ctorch_group_broadcast(ctorch_group group, const ctorch_tensor *tensors,
                                     const int32_t *roots, int64_t count);

/// Gradients in buckets that are summed over a group while the backward pass runs.
typedef struct ctorch_buckets {
  void *impl;
} ctorch_buckets;

/// How long sums took in one backward pass, in seconds.
typedef struct ctorch_exchange {
  /// While at least one bucket was under way.
  double busy;
  /// Of that, after the backward pass had ended.
  double exposed;
} ctorch_exchange;

/// Hooks up leaves of one type on one device; the last ones share the first bucket, for their
/// gradients come first. A bucket ends with the leaf that brings it to `bucket_bytes`.
ctorch_status ctorch_buckets_create(ctorch_group group, const ctorch_tensor *leaves, int64_t count,
                                    int64_t bucket_bytes, ctorch_buckets *result);
void ctorch_buckets_release(ctorch_buckets buckets);
/// Says that gradients are complete after the next backward pass.
ctorch_status ctorch_buckets_arm(ctorch_buckets buckets);
/// Waits until the gradients of all leaves are their sums; missing ones count as zeros.
ctorch_status ctorch_buckets_finish(ctorch_buckets buckets, ctorch_exchange *exchange);

#ifdef __cplusplus
}
#endif
