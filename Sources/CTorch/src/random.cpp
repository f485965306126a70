#include "ctorch/random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include "guard.h"
#include "handles.h"

ctorch_status ctorch_generator_create(const char *device, uint64_t seed, ctorch_generator *result) {
  return ctorch::guarded([&] {
    const c10::Device target{std::string(device)};
    at::Generator generator = target.is_cpu()
                                  ? at::detail::createCPUGenerator(seed)
                                  : at::globalContext().defaultGenerator(target).clone();
    generator.set_current_seed(seed);
    result->impl = generator.unsafeReleaseGeneratorImpl();
  });
}

void ctorch_generator_release(ctorch_generator generator) {
  c10::intrusive_ptr<c10::GeneratorImpl>::reclaim(
      static_cast<c10::GeneratorImpl *>(generator.impl));
}

ctorch_status ctorch_generator_state(ctorch_generator generator, ctorch_tensor *result) {
  return ctorch::guarded(
      [&] { *result = ctorch::released(ctorch::retained_generator(generator.impl).get_state()); });
}

ctorch_status ctorch_generator_set_state(ctorch_generator generator, ctorch_tensor state) {
  return ctorch::guarded(
      [&] { ctorch::retained_generator(generator.impl).set_state(ctorch::retained(state)); });
}
