#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <string>

#include "ctorch/error.h"

namespace ctorch {

void set_last_error(std::string message) noexcept;

/// Runs `body`; an exception becomes a status and a message.
template <typename Body>
ctorch_status guarded(Body &&body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error &error) {
    set_last_error(error.what_without_backtrace());
  } catch (const std::exception &error) {
    set_last_error(error.what());
  } catch (...) {
    set_last_error("unknown C++ exception");
  }
  return 1;
}

}  // namespace ctorch
