#pragma once

#include <stddef.h>
#include <stdint.h>

/// Bytes that `cimage_free` gives back.
typedef struct {
  uint8_t *bytes;
  size_t count;
} cimage_buffer;

/// Gives back what one of the functions below made.
void cimage_free(cimage_buffer buffer);

/// Encodes rows of red, green, blue bytes as PNG.
///
/// Returns NULL, or a message that is good until the thread's next call.
const char *cimage_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height,
                              cimage_buffer *result);
