#pragma once

#include <stddef.h>

/// The embedded checkpoint: a safetensors file, aligned to 64 bytes.
extern const unsigned char embedded_model[];
/// Its size in bytes.
extern const size_t embedded_model_size;
