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

/// A text of a PNG file, under a key of 1 to 79 printable Latin-1 characters.
typedef struct {
  const char *key;
  /// Latin-1, for a chunk tEXt, or UTF-8, for iTXt.
  const char *text;
  int is_utf8;
} cimage_text;

/// Encodes rows of red, green, blue bytes as PNG, with texts before the pixels.
///
/// Returns NULL, or a message that is good until the thread's next call.
const char *cimage_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height,
                              const cimage_text *texts, int text_count, cimage_buffer *result);

/// Reads the first text under a key from a PNG file of `count` bytes, 8 of signature among them.
///
/// The file must be whole, all other chunks aside. A text of more than 4 MiB, decompressed or not,
/// is an error. `text->bytes` is NULL if there is no text. It is UTF-8 if `is_utf8` says so, else
/// Latin-1.
///
/// Returns NULL, or a message that is good until the thread's next call.
const char *cimage_png_text(const uint8_t *bytes, size_t count, const char *key,
                            cimage_buffer *text, int *is_utf8);

/// Reads the size in pixels from the head of a JPEG file.
///
/// Returns NULL, or a message that is good until the thread's next call.
const char *cimage_jpeg_size(const uint8_t *bytes, size_t count, uint32_t *width, uint32_t *height);

/// Decodes a JPEG file to rows of red, green, blue bytes.
///
/// Both sides are divided by 1, 2, 4 or 8 (`denominator`), rounded up, on the way through the
/// inverse cosine transform. `pixels` has room for `width` x `height` pixels, which must be that
/// size. CMYK is read as Adobe's programs write it, inverted.
///
/// Returns NULL, or a message that is good until the thread's next call.
const char *cimage_jpeg_decode(const uint8_t *bytes, size_t count, uint32_t denominator,
                               uint8_t *pixels, uint32_t width, uint32_t height);

/// Encodes rows of red, green, blue bytes as JPEG, of a quality of 1 to 100, with colour at half
/// the width and height.
///
/// Returns NULL, or a message that is good until the thread's next call.
const char *cimage_jpeg_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int quality,
                               cimage_buffer *result);

/// Decodes a PNG file to rows of red, green, blue bytes, what is transparent over white.
///
/// Of 16 bits the upper 8 are kept; gamma and colour profiles are left aside. What follows the
/// pixels need not be whole. `pixels` has room for `width` x `height` pixels, which must be the
/// file's size.
///
/// Returns NULL, or a message that is good until the thread's next call.
const char *cimage_png_decode(const uint8_t *bytes, size_t count, uint8_t *pixels, uint32_t width,
                              uint32_t height);
