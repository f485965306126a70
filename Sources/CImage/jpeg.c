// jpeglib.h needs FILE.
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>

#include "cimage.h"

/// Files of programs have a few tens of scans; thousands are made to keep decoders busy.
enum { MAXIMAL_SCANS = 500 };

static _Thread_local char message[JMSG_LENGTH_MAX];

/// The decoder with what libjpeg's callbacks need. `info` comes first: they are given its address.
typedef struct {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf failed;
} decoder;

static void fail(j_common_ptr info) {
  info->err->format_message(info, message);
  longjmp(((decoder *)info)->failed, 1);
}

/// Takes a file that ends too early as an error; libjpeg would fill in gray.
static void note(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) fail(info);
}

static void monitor(j_common_ptr info) {
  if (((j_decompress_ptr)info)->input_scan_number <= MAXIMAL_SCANS) return;
  snprintf(message, sizeof message, "more than %d scans", MAXIMAL_SCANS);
  longjmp(((decoder *)info)->failed, 1);
}

/// Reads the head. The caller has set `failed` and destroys `info`.
static void open_decoder(decoder *self, const uint8_t *bytes, size_t count) {
  jpeg_create_decompress(&self->info);
  self->progress.progress_monitor = monitor;
  self->info.progress = &self->progress;
  jpeg_mem_src(&self->info, bytes, count);
  jpeg_read_header(&self->info, TRUE);
}

static void prepare(decoder *self) {
  self->info.err = jpeg_std_error(&self->errors);
  self->errors.error_exit = fail;
  self->errors.emit_message = note;
}

const char *cimage_jpeg_size(const uint8_t *bytes, size_t count, uint32_t *width,
                             uint32_t *height) {
  decoder self = {0};
  prepare(&self);
  if (setjmp(self.failed)) {
    jpeg_destroy_decompress(&self.info);
    return message;
  }
  open_decoder(&self, bytes, count);
  *width = self.info.image_width;
  *height = self.info.image_height;
  jpeg_destroy_decompress(&self.info);
  return NULL;
}

/// a b / 255, rounded.
static uint8_t product(unsigned a, unsigned b) {
  unsigned scaled = a * b + 128;
  return (uint8_t)((scaled + (scaled >> 8)) >> 8);
}

/// Paper under three inks and black; `inks` are inverted, 255 for none.
static void convert_inks(const uint8_t *inks, uint8_t *pixels, uint32_t width) {
  for (uint32_t x = 0; x < width; x++, inks += 4, pixels += 3) {
    unsigned light = inks[3];
    for (int c = 0; c < 3; c++) pixels[c] = (uint8_t)(light - product(255u - inks[c], light));
  }
}

static void choose_colors(decoder *self) {
  switch (self->info.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_RGB:
    case JCS_YCbCr:
      self->info.out_color_space = JCS_RGB;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      self->info.out_color_space = JCS_CMYK;
      break;
    default:
      snprintf(message, sizeof message, "%d colour components, not 1, 3 or 4",
               self->info.num_components);
      longjmp(self->failed, 1);
  }
}

static void read_rows(decoder *self, uint8_t *pixels) {
  j_decompress_ptr info = &self->info;
  JSAMPARRAY inks = NULL;
  if (info->out_color_space == JCS_CMYK) {
    inks = info->mem->alloc_sarray((j_common_ptr)info, JPOOL_IMAGE, 4 * info->output_width, 1);
  }
  while (info->output_scanline < info->output_height) {
    JSAMPROW row = pixels + (size_t)info->output_scanline * 3 * info->output_width;
    jpeg_read_scanlines(info, inks == NULL ? &row : inks, 1);
    if (inks != NULL) convert_inks(inks[0], row, info->output_width);
  }
}

const char *cimage_jpeg_decode(const uint8_t *bytes, size_t count, uint32_t denominator,
                               uint8_t *pixels, uint32_t width, uint32_t height) {
  decoder self = {0};
  prepare(&self);
  if (setjmp(self.failed)) {
    jpeg_destroy_decompress(&self.info);
    return message;
  }
  open_decoder(&self, bytes, count);
  choose_colors(&self);
  self.info.scale_num = 1;
  self.info.scale_denom = denominator;
  jpeg_start_decompress(&self.info);
  if (self.info.output_width != width || self.info.output_height != height) {
    snprintf(message, sizeof message, "%u x %u pixels, not %u x %u", self.info.output_width,
             self.info.output_height, width, height);
    longjmp(self.failed, 1);
  }
  read_rows(&self, pixels);
  // The end of the file was not read, and need not be whole.
  jpeg_destroy_decompress(&self.info);
  return NULL;
}
