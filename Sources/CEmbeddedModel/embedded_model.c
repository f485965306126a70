#include "embedded_model.h"

static _Alignas(64) const unsigned char model[] = {
#embed "emoji.safetensors"
};

static _Alignas(64) const unsigned char autoencoder[] = {
#embed "emoji-vae.safetensors"
};

static const unsigned char imagenet_names[] = {
#embed "imagenet_classes.txt"
};

static const unsigned char imagenet_synsets[] = {
#embed "imagenet_synsets.txt"
};

const unsigned char *const embedded_model = model;
const size_t embedded_model_size = sizeof model;
const unsigned char *const embedded_autoencoder = autoencoder;
const size_t embedded_autoencoder_size = sizeof autoencoder;
const unsigned char *const embedded_imagenet_names = imagenet_names;
const size_t embedded_imagenet_names_size = sizeof imagenet_names;
const unsigned char *const embedded_imagenet_synsets = imagenet_synsets;
const size_t embedded_imagenet_synsets_size = sizeof imagenet_synsets;
