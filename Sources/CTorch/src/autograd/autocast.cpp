#include "ctorch/autocast.h"

#include <ATen/autocast_mode.h>
#include <c10/core/Device.h>

#include "guard.h"

ctorch_status ctorch_autocast_begin(const char *type, int8_t dtype) {
  return ctorch::guarded([&] {
    const auto device = c10::Device(type).type();
    at::autocast::increment_nesting();
    at::autocast::set_autocast_enabled(device, true);
    at::autocast::set_autocast_dtype(device, static_cast<at::ScalarType>(dtype));
    at::autocast::set_autocast_cache_enabled(true);
  });
}

ctorch_status ctorch_autocast_end(const char *type) {
  return ctorch::guarded([&] {
    const auto device = c10::Device(type).type();
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
      at::autocast::set_autocast_enabled(device, false);
    }
  });
}
