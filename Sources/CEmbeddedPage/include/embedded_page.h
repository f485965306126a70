#pragma once

#include <stddef.h>

/// A file of the page, in UTF-8.
struct embedded_page_file {
  const char *name;
  const unsigned char *bytes;
  size_t size;
};

/// The files of the page: page.html, and the style sheet and scripts that it names.
extern const struct embedded_page_file *const embedded_page_files;
/// Their number.
extern const size_t embedded_page_file_count;
