#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cimage.h"

static _Thread_local char message[256];

void cimage_free(cimage_buffer buffer) { free(buffer.bytes); }

static void fail(png_structp png, png_const_charp text) {
  snprintf(message, sizeof message, "%s", text);
  longjmp(png_jmpbuf(png), 1);
}

static void ignore(png_structp png, png_const_charp text) {
  (void)png;
  (void)text;
}

/// A PNG file that grows in memory.
typedef struct {
  png_structp png;
  png_infop info;
  cimage_buffer file;
  size_t room;
} encoder;

static void append(png_structp png, png_bytep bytes, size_t count) {
  encoder *self = png_get_io_ptr(png);
  if (self->file.count + count > self->room) {
    size_t room = 2 * (self->file.count + count);
    uint8_t *larger = realloc(self->file.bytes, room);
    if (larger == NULL) png_error(png, "out of memory");
    self->file.bytes = larger;
    self->room = room;
  }
  memcpy(self->file.bytes + self->file.count, bytes, count);
  self->file.count += count;
}

static void flush(png_structp png) { (void)png; }

static void write_file(encoder *self, const uint8_t *pixels, uint32_t width, uint32_t height,
                       const cimage_text *texts, int text_count) {
  png_structp png = self->png;
  png_set_write_fn(png, self, append, flush);
  png_set_IHDR(png, self->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB(png, self->info, PNG_sRGB_INTENT_PERCEPTUAL);
  for (int i = 0; i < text_count; i++) {
    // libpng copies them, and changes nothing.
    png_text text = {
        .compression = texts[i].is_utf8 ? PNG_ITXT_COMPRESSION_NONE : PNG_TEXT_COMPRESSION_NONE,
        .key = (char *)texts[i].key,
        .text = (char *)texts[i].text};
    png_set_text(png, self->info, &text, 1);
  }
  png_write_info(png, self->info);
  for (size_t y = 0; y < height; y++) png_write_row(png, pixels + 3 * y * width);
  png_write_end(png, self->info);
}

const char *cimage_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height,
                              const cimage_text *texts, int text_count, cimage_buffer *result) {
  encoder self = {0};
  // The members change after setjmp, through this pointer.
  encoder *volatile state = &self;
  const char *failure = NULL;
  self.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail, ignore);
  if (self.png == NULL) return "out of memory";
  self.info = png_create_info_struct(self.png);
  if (self.info == NULL) {
    failure = "out of memory";
  } else if (setjmp(png_jmpbuf(self.png))) {
    failure = message;
  } else {
    write_file(state, pixels, width, height, texts, text_count);
  }
  png_destroy_write_struct(&state->png, &state->info);
  if (failure != NULL) {
    cimage_free(state->file);
    state->file = (cimage_buffer){0};
  }
  *result = state->file;
  return failure;
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

/// The largest text, as it is in the file and decompressed.
static const size_t text_limit = 4 << 20;

/// Whether a chunk, from its length on, is a text under a key.
static int is_text(const uint8_t *chunk, size_t count, const char *key) {
  const char *name = (const char *)chunk + 4;
  size_t key_count = strlen(key) + 1;
  return (memcmp(name, "tEXt", 4) == 0 || memcmp(name, "zTXt", 4) == 0 ||
          memcmp(name, "iTXt", 4) == 0) &&
         count - 12 >= key_count && memcmp(chunk + 8, key, key_count) == 0;
}

/// Finds the first text under a key: from the length of its chunk to the checksum. Other chunks are
/// passed over up to the end.
static const char *find_text(const uint8_t *bytes, size_t count, const char *key,
                             const uint8_t **found, size_t *found_count) {
  *found = NULL;
  for (size_t place = 8;;) {
    const uint8_t *chunk = bytes + place;
    if (count - place < 12) return "the file ends too early";
    size_t size = png_get_uint_32(chunk) + (size_t)12;
    if (count - place < size) return "the file ends too early";
    if (memcmp(chunk + 4, "IEND", 4) == 0) return NULL;
    if (*found == NULL && is_text(chunk, size, key)) {
      if (size > text_limit) return "the text is too long";
      *found = chunk;
      *found_count = size;
    }
    place += size;
  }
}

static void read_text(decoder *self, cimage_buffer *text, int *is_utf8) {
  png_structp png = self->png;
  png_set_read_fn(png, self, read_bytes);
  png_set_benign_errors(png, 0);
  png_set_chunk_malloc_max(png, text_limit);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(png, self->info);
  png_textp found = NULL;
  if (png_get_text(png, self->info, &found, NULL) < 1) png_error(png, "no text in its chunk");
  *is_utf8 = found->compression >= PNG_ITXT_COMPRESSION_NONE;
  size_t size = *is_utf8 ? found->itxt_length : found->text_length;
  text->bytes = malloc(size + 1);
  if (text->bytes == NULL) png_error(png, "out of memory");
  if (size > 0) memcpy(text->bytes, found->text, size);
  text->count = size;
}

const char *cimage_png_text(const uint8_t *bytes, size_t count, const char *key,
                            cimage_buffer *text, int *is_utf8) {
  // What libpng takes for a file: the head of one pixel, the chunk, and the start of pixels.
  static const uint8_t head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0,    0,    0,
                                 13,   'I', 'H', 'D', 'R',  0,    0,    0,    1,    0,    0,
                                 0,    1,   8,   2,   0,    0,    0,    0x90, 0x77, 0x53, 0xDE};
  static const uint8_t start[] = {0, 0, 0, 0, 'I', 'D', 'A', 'T'};
  const uint8_t *chunk = NULL;
  size_t chunk_count = 0;
  *text = (cimage_buffer){0};
  const char *failure = find_text(bytes, count, key, &chunk, &chunk_count);
  if (failure != NULL || chunk == NULL) return failure;
  size_t total = sizeof head + chunk_count + sizeof start;
  uint8_t *file = malloc(total);
  if (file == NULL) return "out of memory";
  memcpy(file, head, sizeof head);
  memcpy(file + sizeof head, chunk, chunk_count);
  memcpy(file + sizeof head + chunk_count, start, sizeof start);
  decoder self = {.rest = file, .rest_count = total};
  // The members change after setjmp, through this pointer.
  decoder *volatile state = &self;
  self.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, ignore);
  self.info = self.png != NULL ? png_create_info_struct(self.png) : NULL;
  if (self.info == NULL) {
    failure = "out of memory";
  } else if (setjmp(png_jmpbuf(self.png))) {
    failure = message;
  } else {
    read_text(state, text, is_utf8);
  }
  png_destroy_read_struct(&state->png, &state->info, NULL);
  free(file);
  return failure;
}
