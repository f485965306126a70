#pragma once

#include <stddef.h>

/// The checkpoint of the embedded DiT: a safetensors file, aligned to 64 bytes.
extern const unsigned char *const embedded_model;
/// Its size in bytes.
extern const size_t embedded_model_size;

/// The checkpoint of its autoencoder: a safetensors file, aligned to 64 bytes.
extern const unsigned char *const embedded_autoencoder;
/// Its size in bytes.
extern const size_t embedded_autoencoder_size;

/// The names of ImageNet's 1,000 classes, one a line, in UTF-8.
extern const unsigned char *const embedded_imagenet_names;
/// Their size in bytes.
extern const size_t embedded_imagenet_names_size;

/// ILSVRC 2012's list of synsets: for each class a line of its WordNet number and, with commas
/// between, its words, in UTF-8.
extern const unsigned char *const embedded_imagenet_synsets;
/// Its size in bytes.
extern const size_t embedded_imagenet_synsets_size;
