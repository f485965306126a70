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

const unsigned char *const embedded_model = model;
const size_t embedded_model_size = sizeof model;
const unsigned char *const embedded_autoencoder = autoencoder;
const size_t embedded_autoencoder_size = sizeof autoencoder;
const unsigned char *const embedded_imagenet_names = imagenet_names;
const size_t embedded_imagenet_names_size = sizeof imagenet_names;
