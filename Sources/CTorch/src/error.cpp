#include "ctorch/error.h"

#include "guard.h"

namespace ctorch {

static thread_local std::string last_error;

void set_last_error(std::string message) noexcept { last_error = std::move(message); }

}  // namespace ctorch

const char *ctorch_last_error(void) { return ctorch::last_error.c_str(); }

void ctorch_set_last_error(const char *message) { ctorch::set_last_error(message); }
