#include <png.h>
#include <setjmp.h>
#include <stdio.h>
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

/// A PNG file in memory, and what decoding it takes.
typedef struct {
  png_structp png;
  png_infop info;
  const uint8_t *rest;
  size_t rest_count;
  /// Red, green, blue, alpha; NULL where nothing is transparent.
  uint8_t *layers;
  /// All pixels are there, with the right checksums.
  int is_complete;
} decoder;

static void fail(png_structp png, png_const_charp text) {
  snprintf(message, sizeof message, "%s", text);
  longjmp(png_jmpbuf(png), 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
  decoder *self = png_get_io_ptr(png);
  if (count > self->rest_count) png_error(png, "the file ends too early");
  memcpy(target, self->rest, count);
  self->rest += count;
  self->rest_count -= count;
}

/// Reads the head and asks for 8 bits of red, green, blue, and of alpha if there is any.
static void begin(decoder *self, uint32_t width, uint32_t height) {
  png_structp png = self->png;
  png_set_read_fn(png, self, read_bytes);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(png, self->info);
  if (png_get_image_width(png, self->info) != width ||
      png_get_image_height(png, self->info) != height) {
    png_error(png, "the head contradicts itself");
  }
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_gray_to_rgb(png);
}

static void read_rows(decoder *self, uint8_t *pixels, uint32_t height) {
  png_structp png = self->png;
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, self->info);
  size_t stride = png_get_rowbytes(png, self->info);
  if (png_get_channels(png, self->info) == 4) {
    self->layers = malloc(stride * height);
    if (self->layers == NULL) png_error(png, "out of memory");
  }
  uint8_t *rows = self->layers != NULL ? self->layers : pixels;
  for (int pass = 0; pass < passes; pass++) {
    for (uint32_t y = 0; y < height; y++) png_read_row(png, rows + y * stride, NULL);
  }
  self->is_complete = 1;
  png_read_end(png, NULL);
}

static void put_on_white(const uint8_t *layers, uint8_t *pixels, size_t count) {
  for (size_t i = 0; i < count; i++, layers += 4, pixels += 3) {
    unsigned alpha = layers[3];
    for (int c = 0; c < 3; c++) {
      unsigned sum = layers[c] * alpha + 255 * (255 - alpha) + 128;
      pixels[c] = (uint8_t)((sum + (sum >> 8)) >> 8);
    }
  }
}

const char *cimage_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, uint32_t width,
                              uint32_t height) {
  decoder self = {.rest = bytes, .rest_count = count};
  // The members change after setjmp, through this pointer.
  decoder *volatile state = &self;
  self.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, ignore);
  if (self.png == NULL) return "out of memory";
  self.info = png_create_info_struct(self.png);
  const char *result = NULL;
  if (self.info == NULL) {
    result = "out of memory";
  } else if (setjmp(png_jmpbuf(self.png))) {
    // What follows the pixels need not be whole.
    if (!state->is_complete) result = message;
  } else {
    begin(state, width, height);
    read_rows(state, pixels, height);
  }
  if (result == NULL && state->layers != NULL) {
    put_on_white(state->layers, pixels, (size_t)width * height);
  }
  free(state->layers);
  png_destroy_read_struct(&state->png, &state->info, NULL);
  return result;
}
