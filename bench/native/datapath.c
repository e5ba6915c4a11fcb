// The kernels' work in C, for cc -O3 -march=native: the native yardstick of the benchmark.
//
// Same descriptors, same slots, same checks. The header comes from a template by 16-byte stores:
// a version that writes it field by field takes about twice the time and would flatter the kernels.

#include "image.h"
#include "line-protocol.h"
#include "vxlan.h"

enum { CAPTURED_MAXIMUM = 262144 };

static uint8_t *base;
static image *head;
static size_t image_length;
static descriptor *fresh; // the descriptors as they were loaded

static __attribute__((noinline)) void flow_hashes(descriptor *d, uint32_t count) {
  const uint32_t seed = head->seed;
  for (descriptor *end = d + count; d < end; d++) d->flow_hash = flow_hash(base + d->offset, d->length, seed);
}

// ---------------------------------------------------------------- encapsulate, decapsulate

static inline void drop(descriptor *d, uint8_t reason) {
  d->verdict = DROP;
  d->reason = reason;
  head->counters[reason]++;
}

static __attribute__((noinline)) void encapsulate(descriptor *d, uint32_t count) {
  uint8_t *const memory = base;
  const outer_header outer = load_outer(head->outer);
  const uint16_t last = load16(head->outer + 48);
  const uint32_t ip_sum = head->ip_sum;
  const uint32_t seed = head->seed;
  uint64_t forwarded = 0;
  for (descriptor *end = d + count; d < end; d++) {
    if (UNLIKELY(d->verdict != FORWARD)) continue;
    const uint32_t length = d->length;
    const uint32_t wire = d->wire_length;
    const uint32_t offset = d->offset;
    if (UNLIKELY(length < 14 || wire > WIRE_MAXIMUM || offset < d->floor + OUTER_LENGTH)) {
      drop(d, length < 14 ? FRAME_TOO_SHORT : wire > WIRE_MAXIMUM ? FRAME_TOO_LONG : NO_HEADROOM);
      continue;
    }
    const uint32_t hash = flow_hash(memory + offset, length, seed);
    uint8_t *const at = memory + offset - OUTER_LENGTH;
    write_outer(at, outer, ip_sum, wire, hash);
    store16(at + 48, last);
    d->offset = offset - OUTER_LENGTH;
    d->length = length + OUTER_LENGTH;
    d->wire_length = wire + OUTER_LENGTH;
    d->flow_hash = hash;
    d->vni = VNI_NONE;
    forwarded++;
  }
  head->counters[0] += forwarded;
}

static __attribute__((noinline)) void decapsulate(descriptor *d, uint32_t count) {
  const uint8_t *const memory = base;
  const uint16_t port = (uint16_t)head->port;
  const uint32_t wanted = head->vni;
  const uint32_t any = wanted == VNI_ANY;
  uint64_t forwarded = 0;
  for (descriptor *end = d + count; d < end; d++) {
    if (UNLIKELY(d->verdict != FORWARD)) continue;
    const uint8_t *const frame = memory + d->offset;
    if (LIKELY(is_plain_vxlan(frame, d->length, d->wire_length, port))) {
      const uint32_t vni = plain_vni(frame);
      if (LIKELY(any | (vni == wanted))) {
        strip_plain(d, frame, vni);
        forwarded++;
        continue;
      }
    }
    const uint8_t *ipv4;
    const uint32_t reason = decapsulate_any(memory, d, port, wanted, &ipv4);
    if (reason == 0) forwarded++;
    else drop(d, (uint8_t)reason);
  }
  head->counters[0] += forwarded;
}

// ---------------------------------------------------------------- VLAN tags

static __attribute__((noinline)) void vlan_push(descriptor *d, uint32_t count) {
  const uint32_t tag = head->tag;
  for (descriptor *end = d + count; d < end; d++) {
    if (UNLIKELY(d->verdict != FORWARD)) continue;
    if (UNLIKELY(d->length < 14)) {
      drop(d, FRAME_TOO_SHORT);
      continue;
    }
    if (UNLIKELY(d->offset < d->floor + 4)) {
      drop(d, NO_HEADROOM);
      continue;
    }
    uint8_t *const frame = base + d->offset;
    const uint64_t low = load64(frame);
    const uint32_t high = load32(frame + 8);
    store64(frame - 4, low);
    store64(frame + 4, high | (uint64_t)tag << 32);
    d->offset -= 4;
    d->length += 4;
    d->wire_length += 4;
  }
}

static __attribute__((noinline)) void vlan_pop(descriptor *d, uint32_t count) {
  for (descriptor *end = d + count; d < end; d++) {
    if (UNLIKELY(d->verdict != FORWARD)) continue;
    if (UNLIKELY(d->length < 14)) {
      drop(d, FRAME_TOO_SHORT);
      continue;
    }
    uint8_t *const frame = base + d->offset;
    if (UNLIKELY(d->length < 18 || !is_tag(load16(frame + 12)))) continue;
    const uint64_t low = load64(frame);
    const uint32_t high = load32(frame + 8);
    store64(frame + 4, low);
    store32(frame + 12, high);
    d->offset += 4;
    d->length -= 4;
    d->wire_length -= 4;
  }
}

// ---------------------------------------------------------------- Internet checksum

static inline uint32_t checksum(const uint8_t *at, uint32_t length) {
  uint64_t sum = 0;
#ifdef __AVX2__
  if (length >= 64) {
    // Pairs of bytes are weighed 1 and 256 by widening: 16-bit words to 32-bit lanes, 64 bytes a turn.
    const __m256i low_words = _mm256_set1_epi32(0xffff);
    __m256i even = _mm256_setzero_si256(), odd = even, more_even = even, more_odd = even;
    do {
      const __m256i x = _mm256_loadu_si256((const __m256i *)at);
      const __m256i y = _mm256_loadu_si256((const __m256i *)(at + 32));
      even = _mm256_add_epi32(even, _mm256_and_si256(x, low_words));
      odd = _mm256_add_epi32(odd, _mm256_srli_epi32(x, 16));
      more_even = _mm256_add_epi32(more_even, _mm256_and_si256(y, low_words));
      more_odd = _mm256_add_epi32(more_odd, _mm256_srli_epi32(y, 16));
      at += 64;
      length -= 64;
    } while (length >= 64);
    // A frame holds at most 65,535 bytes: 1,024 turns of 16 bits a lane fit into 32 bits, four sums too.
    const __m256i lanes = _mm256_add_epi32(_mm256_add_epi32(even, odd), _mm256_add_epi32(more_even, more_odd));
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
    sum = (uint32_t)_mm_cvtsi128_si32(half);
  }
#endif
  while (length >= 8) {
    const uint64_t word = load64(at);
    sum += (word & 0xffffffff) + (word >> 32);
    at += 8;
    length -= 8;
  }
  if (length >= 4) sum += load32(at), at += 4, length -= 4;
  if (length >= 2) sum += load16(at), at += 2, length -= 2;
  if (length > 0) sum += *at;
  return swap16((uint16_t)~fold(sum));
}

static __attribute__((noinline)) void checksums(descriptor *d, uint32_t count) {
  for (descriptor *end = d + count; d < end; d++) d->mark = checksum(base + d->offset, d->length);
}

// ---------------------------------------------------------------- capture

/** Records of a little-endian capture become descriptors and stamps; the frames stay where they are. */
static uint32_t walk(uint8_t **next, const uint8_t *stop, descriptor *d, uint64_t *ticks, uint32_t room) {
  uint8_t *record = *next;
  uint32_t count = 0;
  while (count < room && stop - record >= 16) {
    const uint32_t captured = load32(record + 8);
    const uint32_t original = load32(record + 12);
    if (captured > CAPTURED_MAXIMUM || captured > (size_t)(stop - record) - 16) break;
    const uint32_t offset = (uint32_t)(record - base) + 16;
    d[count] = (descriptor){ .offset = offset, .length = captured, .wire_length = original > captured ? original : captured,
                             .floor = offset, .vni = VNI_NONE, .mark = count };
    ticks[count] = load64(record);
    record += 16 + captured;
    count++;
  }
  *next = record;
  return count;
}

/** Frames that were not dropped become records again. */
static uint8_t *write_records(uint8_t *out, const descriptor *d, const uint64_t *ticks, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (d[i].verdict == DROP) continue;
    const uint32_t length = d[i].length;
    store64(out, ticks[i]);
    store32(out + 8, length);
    store32(out + 12, d[i].wire_length);
    memcpy(out + 16, base + d[i].offset, length);
    out += 16 + length;
  }
  return out;
}

static __attribute__((noinline)) void rewrite_capture(void) {
  static descriptor records[256];
  static uint64_t ticks[256];
  uint8_t *next = base + head->capture;
  const uint8_t *const stop = base + head->capture_end;
  uint8_t *out = base + head->out;
  for (;;) {
    const uint32_t count = walk(&next, stop, records, ticks, 256);
    if (count == 0) break;
    decapsulate(records, count);
    out = write_records(out, records, ticks, count);
  }
  head->out_end = (uint32_t)(out - base);
}

// ---------------------------------------------------------------- tasks

static void by_bursts(void (*kernel)(descriptor *, uint32_t)) {
  descriptor *const d = (descriptor *)(base + head->descriptors);
  for (uint32_t i = 0; i < head->count; i += head->burst) kernel(d + i, head->burst);
}

static void renew(void) { memcpy(base + head->descriptors, fresh, head->count * sizeof(descriptor)); }
static void renew_and_encapsulate(void) { renew(), by_bursts(encapsulate); }
static void untag(void) { by_bursts(vlan_pop); } // what the last pass pushed; moves the MACs back, too
static void untag_and_push(void) { untag(), by_bursts(vlan_push); }

static void pass_encapsulate(void) { by_bursts(encapsulate); }
static void pass_decapsulate(void) { by_bursts(decapsulate); }
static void pass_there_and_back(void) { by_bursts(encapsulate), by_bursts(decapsulate); }
static void pass_push(void) { by_bursts(vlan_push); }
static void pass_pop(void) { by_bursts(vlan_pop); }
static void pass_flow_hash(void) { by_bursts(flow_hashes); }
static void pass_checksum(void) { by_bursts(checksums); }
const task tasks[] = {
    {"encapsulate", renew, pass_encapsulate},
    {"decapsulate", renew_and_encapsulate, pass_decapsulate},
    {"there-and-back", renew, pass_there_and_back},
    {"vlan-push", untag, pass_push},
    {"vlan-pop", untag_and_push, pass_pop},
    {"flow-hash", renew, pass_flow_hash},
    {"checksum", renew, pass_checksum},
    {"capture", NULL, rewrite_capture},
};
const int task_count = sizeof tasks / sizeof tasks[0];

static const char *load(int count, char **files) {
  if (count != 1) return "one image, please";
  free(base);
  free(fresh);
  fresh = NULL;
  base = read_file(files[0], 4096, &image_length);
  if (base == NULL) return "the image cannot be read";
  head = (image *)base;
  fresh = malloc(head->count * sizeof(descriptor));
  if (fresh == NULL) return "not enough memory";
  memcpy(fresh, base + head->descriptors, head->count * sizeof(descriptor));
  return NULL;
}

static const char *dump(const char *name) {
  FILE *file = fopen(name, "wb");
  if (file == NULL) return "the file cannot be written";
  const size_t written = fwrite(base, 1, image_length, file);
  return fclose(file) == 0 && written == image_length ? NULL : "the file cannot be written";
}

int main(void) { return serve(); }
