// SHA-256 (FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2).

#include <string.h>

#include "cdigest.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotated(uint32_t word, int count) { return word >> count | word << (32 - count); }

static void add_blocks_plainly(uint32_t state[8], const uint8_t *bytes, size_t block_count) {
  for (; block_count > 0; block_count--, bytes += 64) {
    uint32_t w[64];
    for (int i = 0; i < 16; i++) {
      const uint8_t *word = bytes + 4 * i;
      w[i] = (uint32_t)word[0] << 24 | (uint32_t)word[1] << 16 | (uint32_t)word[2] << 8 | word[3];
    }
    for (int i = 16; i < 64; i++) {
      uint32_t before = w[i - 15], last = w[i - 2];
      w[i] = w[i - 16] + (rotated(before, 7) ^ rotated(before, 18) ^ before >> 3) + w[i - 7] +
             (rotated(last, 17) ^ rotated(last, 19) ^ last >> 10);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
      uint32_t sum = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) +
                     constants[i] + w[i];
      uint32_t majority =
          (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + sum, d = c, c = b, b = a, a = sum + majority;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
}

#if defined(__x86_64__)

static int has_instructions(void) {
  unsigned a, b, c, d;
  // SSSE3 and SSE4.1, then SHA.
  if (!__get_cpuid_count(1, 0, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29);
}

/// With the processor's instructions, which keep the state as a b e f and c d g h and take four
/// words at a time.
__attribute__((target("sha,sse4.1"))) static void add_blocks_by_instructions(uint32_t state[8],
                                                                             const uint8_t *bytes,
                                                                             size_t block_count) {
  const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i *target = (__m128i *)state;
  __m128i low = _mm_shuffle_epi32(_mm_loadu_si128(target), 0xB1);
  __m128i high = _mm_shuffle_epi32(_mm_loadu_si128(target + 1), 0x1B);
  __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xF0);
  for (; block_count > 0; block_count--, bytes += 64) {
    const __m128i *words = (const __m128i *)bytes;
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 16; i++) {
      __m128i *next = &w[i % 4];
      if (i < 4) {
        *next = _mm_shuffle_epi8(_mm_loadu_si128(words + i), order);
      } else {
        const __m128i one = w[(i + 1) % 4], two = w[(i + 2) % 4], last = w[(i + 3) % 4];
        const __m128i sum =
            _mm_add_epi32(_mm_sha256msg1_epu32(*next, one), _mm_alignr_epi8(last, two, 4));
        *next = _mm_sha256msg2_epu32(sum, last);
      }
      const __m128i sum =
          _mm_add_epi32(*next, _mm_loadu_si128((const __m128i *)(constants + 4 * i)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  low = _mm_shuffle_epi32(abef, 0x1B);
  high = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(target, _mm_blend_epi16(low, high, 0xF0));
  _mm_storeu_si128(target + 1, _mm_alignr_epi8(high, low, 8));
}

#endif

static void add_blocks(cdigest_sha256 *state, const uint8_t *bytes, size_t block_count) {
#if defined(__x86_64__)
  if (!state->is_plain) return add_blocks_by_instructions(state->words, bytes, block_count);
#endif
  add_blocks_plainly(state->words, bytes, block_count);
}

void cdigest_sha256_begin(cdigest_sha256 *state, int is_plain) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memset(state, 0, sizeof *state);
  memcpy(state->words, start, sizeof start);
#if defined(__x86_64__)
  state->is_plain = is_plain || !has_instructions();
#else
  state->is_plain = is_plain;
#endif
}

void cdigest_sha256_add(cdigest_sha256 *state, const void *bytes, size_t count) {
  const uint8_t *rest = bytes;
  size_t used = state->byte_count % 64;
  state->byte_count += count;
  if (used > 0) {
    size_t part = count < 64 - used ? count : 64 - used;
    if (part > 0) memcpy(state->block + used, rest, part);
    if (used + part < 64) return;
    add_blocks(state, state->block, 1);
    rest += part;
    count -= part;
  }
  add_blocks(state, rest, count / 64);
  if (count % 64 > 0) memcpy(state->block, rest + count / 64 * 64, count % 64);
}

void cdigest_sha256_end(cdigest_sha256 *state, uint8_t digest[32]) {
  static const uint8_t padding[64] = {0x80};
  uint64_t bit_count = state->byte_count * 8;
  size_t used = state->byte_count % 64;
  cdigest_sha256_add(state, padding, (used < 56 ? 56 : 120) - used);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bit_count >> (56 - 8 * i));
  cdigest_sha256_add(state, length, sizeof length);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(state->words[i / 4] >> (24 - i % 4 * 8));
}
