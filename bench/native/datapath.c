// The kernels' work in C, for cc -O3 -march=native: the native yardstick of the benchmark.
//
// Same descriptors, same slots, same checks. The header comes from a template by 16-byte stores:
// a version that writes it field by field takes about twice the time and would flatter the kernels.

#include <immintrin.h>

#include "image.h"
#include "line-protocol.h"

enum { OUTER_LENGTH = 50, WIRE_MAXIMUM = 65535 - 36, CAPTURED_MAXIMUM = 262144 };

static uint8_t *base;
static image *head;
static size_t image_length;
static descriptor *fresh; // the descriptors as they were loaded

// ---------------------------------------------------------------- flow hash

static inline uint32_t finish(uint32_t seed, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  uint32_t hash = seed + a * 0x9e3779b1u + b * 0x85ebca77u + c * 0xc2b2ae3du + d * 0x27d4eb2fu;
  hash ^= hash >> 15;
  hash *= 0x2c1b3c6du;
  return hash ^ (hash >> 12);
}

static inline int has_ports(uint32_t protocol) { return protocol == 6 || protocol == 17 || protocol == 132; }
static inline int is_tag(uint16_t type) { return type == 0x0081 || type == 0xa888 || type == 0x0091; }

static inline uint32_t condense(const uint8_t *at) {
  return load32(at) + load32(at + 4) * 0x9e3779b1u + load32(at + 8) * 0x85ebca77u + load32(at + 12) * 0xc2b2ae3du;
}

static __attribute__((noinline)) uint32_t any_flow_hash(const uint8_t *frame, uint32_t length, uint32_t seed) {
  if (length < 14) return finish(seed, 0, 0, 0, 0);
  uint32_t at = 14;
  uint16_t type = load16(frame + 12);
  for (int tags = 0; tags < 2 && is_tag(type); tags++) {
    if (length < at + 4) {
      type = 0;
      break;
    }
    type = load16(frame + at + 2);
    at += 4;
  }
  const uint8_t *packet = frame + at;
  const uint32_t left = length - at;
  if (type == 0x0008 && left >= 20) {
    const uint32_t header = (packet[0] & 15u) * 4;
    if (packet[0] >> 4 == 4 && header >= 20) {
      const int whole = (load16(packet + 6) & 0xff3f) == 0;
      const uint32_t ports = whole && has_ports(packet[9]) && left >= header + 4 ? load32(packet + header) : 0;
      return finish(seed, load32(packet + 12), load32(packet + 16), ports, packet[9]);
    }
  } else if (type == 0xdd86 && left >= 40 && packet[0] >> 4 == 6) {
    const uint32_t ports = has_ports(packet[6]) && left >= 44 ? load32(packet + 40) : 0;
    return finish(seed, condense(packet + 8), condense(packet + 24), ports, packet[6]);
  }
  return finish(seed, load32(frame), load32(frame + 6), load16(frame + 4) | (uint32_t)load16(frame + 10) << 16,
                swap16(type));
}

static inline uint32_t flow_hash(const uint8_t *frame, uint32_t length, uint32_t seed) {
  // Type, version and header length of untagged IPv4 without options, in one compare.
  if (LIKELY(length >= 38 && (load32(frame + 12) & 0x00ffffff) == 0x00450008 && (load16(frame + 20) & 0xff3f) == 0)) {
    const uint32_t protocol = frame[23];
    const uint32_t ports = has_ports(protocol) ? load32(frame + 34) : 0;
    return finish(seed, load32(frame + 26), load32(frame + 30), ports, protocol);
  }
  return any_flow_hash(frame, length, seed);
}

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
  const __m128i first = _mm_loadu_si128((const __m128i *)head->outer);
  const __m128i second = _mm_loadu_si128((const __m128i *)(head->outer + 16));
  const __m128i third = _mm_loadu_si128((const __m128i *)(head->outer + 32));
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
    uint8_t *const outer = memory + offset - OUTER_LENGTH;
    const uint16_t ip_length = swap16((uint16_t)(wire + 36));
    uint32_t sum = ip_sum + ip_length;
    sum = (sum & 0xffff) + (sum >> 16);
    // Lengths, checksum and port go into the registers, not over bytes just written: 0.2 ns a frame better.
    __m128i middle = _mm_insert_epi16(second, ip_length, 0);
    middle = _mm_insert_epi16(middle, (int)~sum, 4);
    __m128i upper = _mm_insert_epi16(third, swap16((uint16_t)(49152 + (hash >> 18))), 1);
    upper = _mm_insert_epi16(upper, swap16((uint16_t)(wire + 16)), 3);
    _mm_storeu_si128((__m128i *)outer, first);
    _mm_storeu_si128((__m128i *)(outer + 16), middle);
    _mm_storeu_si128((__m128i *)(outer + 32), upper);
    store16(outer + 48, last);
    d->offset = offset - OUTER_LENGTH;
    d->length = length + OUTER_LENGTH;
    d->wire_length = wire + OUTER_LENGTH;
    d->flow_hash = hash;
    d->vni = VNI_NONE;
    forwarded++;
  }
  head->counters[0] += forwarded;
}

// Every frame that the quick checks do not recognise: tags, options, IPv6, and whatever is wrong with it.
static __attribute__((noinline)) int decapsulate_any(descriptor *d) {
  const uint8_t *const frame = base + d->offset;
  if (d->length < 14) return drop(d, FRAME_TOO_SHORT), 0;
  uint32_t at = 14;
  uint16_t type = load16(frame + 12);
  for (int tags = 0; tags < 4 && is_tag(type); tags++) {
    if (d->length < at + 4) return drop(d, NOT_TUNNEL), 0;
    type = load16(frame + at + 2);
    at += 4;
  }
  const uint8_t *const ip = frame + at;
  const uint32_t present = d->length - at;
  const uint32_t available = d->wire_length - at;
  uint32_t header = 40, total;
  if (type == 0x0008) {
    if (present < 20) return drop(d, OUTER_IP_TRUNCATED), 0;
    header = (ip[0] & 15u) * 4;
    if (ip[0] >> 4 != 4 || header < 20) return drop(d, OUTER_IP_HEADER), 0;
    if (ip[9] != 17 || (load16(ip + 6) & 0xff1f) != 0) return drop(d, NOT_TUNNEL), 0;
    if (present < header) return drop(d, OUTER_IP_TRUNCATED), 0;
    total = swap16(load16(ip + 2));
  } else if (type == 0xdd86) {
    if (present < 40) return drop(d, OUTER_IP_TRUNCATED), 0;
    if (ip[0] >> 4 != 6) return drop(d, OUTER_IP_HEADER), 0;
    if (ip[6] != 17) return drop(d, NOT_TUNNEL), 0;
    total = swap16(load16(ip + 4));
    if (total != 0) total += 40;
  } else {
    return drop(d, NOT_TUNNEL), 0;
  }
  if (present < header + 8) return drop(d, UDP_TRUNCATED), 0;
  const uint8_t *const udp = ip + header;
  if (load16(udp + 2) != head->port) return drop(d, NOT_TUNNEL), 0;
  if (type == 0x0008) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < header; i += 4) sum += load32(ip + i);
    if ((load16(ip + 6) & 0xff3f) != 0) return drop(d, OUTER_IP_FRAGMENT), 0;
    if (fold(sum) != 0xffff) return drop(d, OUTER_IP_CHECKSUM), 0;
  }
  const int big = total == 0 && available > 65535;
  if (big) total = available;
  if (total < header + 8) return drop(d, OUTER_IP_HEADER), 0;
  if (total > available) return drop(d, OUTER_IP_TRUNCATED), 0;
  uint32_t udp_length = swap16(load16(udp + 4));
  if (big && udp_length == 0) udp_length = total - header;
  if (udp_length < 8 || udp_length > total - header) return drop(d, UDP_LENGTH), 0;
  if (udp_length < 16 || present < header + 16) return drop(d, VXLAN_TRUNCATED), 0;
  if ((udp[8] & 8) == 0) return drop(d, VXLAN_NO_VNI), 0;
  const uint32_t vni = __builtin_bswap32(load32(udp + 12)) >> 8;
  if (head->vni != 0xffffffff && head->vni != vni) return drop(d, OTHER_VNI), 0;
  const uint32_t outer = at + header + 16;
  const uint32_t there = d->length - outer;
  const uint32_t inner = udp_length - 16;
  if (there < 14 || inner < 14) return drop(d, INNER_TRUNCATED), 0;
  d->offset += outer;
  d->length = there < inner ? there : inner;
  d->wire_length = inner;
  d->vni = vni;
  return 1;
}

static __attribute__((noinline)) void decapsulate(descriptor *d, uint32_t count) {
  const uint8_t *const memory = base;
  const uint16_t port = (uint16_t)head->port;
  const uint32_t wanted = head->vni;
  const uint32_t any = wanted == 0xffffffff;
  uint64_t forwarded = 0;
  for (descriptor *end = d + count; d < end; d++) {
    if (UNLIKELY(d->verdict != FORWARD)) continue;
    const uint8_t *const frame = memory + d->offset;
    const uint32_t length = d->length;
    if (LIKELY(length >= OUTER_LENGTH + 14 && (load32(frame + 12) & 0x00ffffff) == 0x00450008)) {
      const uint64_t a = load64(frame + 14); // version .. fragment
      const uint64_t b = load64(frame + 22); // TTL .. source
      const uint32_t total = swap16((uint16_t)(a >> 16));
      const uint32_t udp_length = swap16(load16(frame + 38));
      const uint32_t vni = __builtin_bswap32(load32(frame + 46)) >> 8;
      // Five words of at most 2^32: the carries stay inside 64 bits.
      const uint64_t sum = (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) + load32(frame + 30);
      // One branch for all: a frame that fails any of these is looked at again, slowly.
      const int good = (fold(sum) == 0xffff) & ((a & 0xff3f000000000000u) == 0) & ((b & 0xff00) == 0x1100) &
                       (load16(frame + 36) == port) & (total + 14 <= d->wire_length) & (udp_length + 20 <= total) &
                       (udp_length >= 16 + 14) & ((frame[42] & 8) != 0) & (any | (vni == wanted));
      if (LIKELY(good)) {
        const uint32_t there = length - OUTER_LENGTH;
        const uint32_t inner = udp_length - 16;
        d->offset += OUTER_LENGTH;
        d->length = there < inner ? there : inner;
        d->wire_length = inner;
        d->vni = vni;
        forwarded++;
        continue;
      }
    }
    forwarded += (uint64_t)decapsulate_any(d);
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
