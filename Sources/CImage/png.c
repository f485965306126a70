#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "cimage.h"

static _Thread_local char message[sizeof(((png_image *)0)->message)];

void cimage_free(cimage_buffer buffer) { free(buffer.bytes); }

static const char *failure(png_image *image) {
  memcpy(message, image->message, sizeof message);
  png_image_free(image);
  return message;
}

const char *cimage_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height,
                              cimage_buffer *result) {
  png_image image = {
      .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_RGB};
  png_alloc_size_t count = PNG_IMAGE_PNG_SIZE_MAX(image);
  result->bytes = malloc(count);
  if (result->bytes == NULL) return "out of memory";
  if (!png_image_write_to_memory(&image, result->bytes, &count, 0, pixels, 0, NULL)) {
    cimage_free(*result);
    result->bytes = NULL;
    return failure(&image);
  }
  result->count = count;
  return NULL;
}
