#pragma once

#include <stddef.h>
#include <stdint.h>

/// The state of SHA-256 (FIPS 180-4) over bytes that come in pieces.
typedef struct {
  uint32_t words[8];
  uint64_t byte_count;
  uint8_t block[64];
  /// Whether the processor's instructions for SHA-256 are left aside.
  int is_plain;
} cdigest_sha256;

/// Starts a digest. `is_plain` is 0, or 1 to leave the processor's instructions for SHA-256 aside.
void cdigest_sha256_begin(cdigest_sha256 *state, int is_plain);

/// Adds bytes.
void cdigest_sha256_add(cdigest_sha256 *state, const void *bytes, size_t count);

/// Writes the digest of all bytes added; the state then has to begin again.
void cdigest_sha256_end(cdigest_sha256 *state, uint8_t digest[32]);
