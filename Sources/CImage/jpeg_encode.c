// jpeglib.h needs FILE.
#include <stdio.h>

#include <jpeglib.h>

#include <setjmp.h>
#include <stdlib.h>

#include "cimage.h"

static _Thread_local char message[JMSG_LENGTH_MAX];

/// The encoder with what libjpeg's callbacks need. `info` comes first: they are given its address.
typedef struct {
  struct jpeg_compress_struct info;
  struct jpeg_error_mgr errors;
  jmp_buf failed;
  unsigned char *bytes;
  unsigned long count;
} encoder;

static void fail(j_common_ptr info) {
  info->err->format_message(info, message);
  longjmp(((encoder *)info)->failed, 1);
}

const char *cimage_jpeg_encode(const uint8_t *pixels, uint32_t width, uint32_t height, int quality,
                               cimage_buffer *result) {
  encoder *self = calloc(1, sizeof *self);
  if (self == NULL) return "there is no memory for the encoder";
  self->info.err = jpeg_std_error(&self->errors);
  self->errors.error_exit = fail;
  if (setjmp(self->failed)) {
    jpeg_destroy_compress(&self->info);
    // `bytes` may be out of date, and is left: memory is short then.
    free(self);
    return message;
  }
  j_compress_ptr info = &self->info;
  jpeg_create_compress(info);
  jpeg_mem_dest(info, &self->bytes, &self->count);
  info->image_width = width;
  info->image_height = height;
  info->input_components = 3;
  info->in_color_space = JCS_RGB;
  jpeg_set_defaults(info);
  jpeg_set_quality(info, quality, TRUE);
  jpeg_start_compress(info, TRUE);
  while (info->next_scanline < height) {
    // libjpeg does not write to rows.
    JSAMPROW row = (JSAMPROW)(pixels + (size_t)info->next_scanline * 3 * width);
    jpeg_write_scanlines(info, &row, 1);
  }
  jpeg_finish_compress(info);
  jpeg_destroy_compress(info);
  *result = (cimage_buffer){.bytes = self->bytes, .count = self->count};
  free(self);
  return NULL;
}
