// What the native programs know of VXLAN: the flow hash, the outer header from its template, the checks of a packet.

#ifndef VXLAN_H
#define VXLAN_H

#include <immintrin.h>

#include "image.h"

enum { OUTER_LENGTH = 50, WIRE_MAXIMUM = 65535 - 36 };

#define VNI_ANY 0xffffffffu

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

// ---------------------------------------------------------------- outer header

/** The template as registers, so that a burst loads it once. */
typedef struct {
  __m128i first, second, third;
} outer_header;

static inline outer_header load_outer(const uint8_t *at) {
  return (outer_header){_mm_loadu_si128((const __m128i *)at), _mm_loadu_si128((const __m128i *)(at + 16)),
                        _mm_loadu_si128((const __m128i *)(at + 32))};
}

/** Writes all but the last two bytes of the outer header of a passenger of `wire` bytes. */
static inline void write_outer(uint8_t *at, outer_header outer, uint32_t ip_sum, uint32_t wire, uint32_t hash) {
  const uint16_t ip_length = swap16((uint16_t)(wire + 36));
  uint32_t sum = ip_sum + ip_length;
  sum = (sum & 0xffff) + (sum >> 16);
  // Lengths, checksum and port go into the registers, not over bytes just written: 0.2 ns a frame better.
  __m128i middle = _mm_insert_epi16(outer.second, ip_length, 0);
  middle = _mm_insert_epi16(middle, (int)~sum, 4);
  __m128i upper = _mm_insert_epi16(outer.third, swap16((uint16_t)(49152 + (hash >> 18))), 1);
  upper = _mm_insert_epi16(upper, swap16((uint16_t)(wire + 16)), 3);
  _mm_storeu_si128((__m128i *)at, outer.first);
  _mm_storeu_si128((__m128i *)(at + 16), middle);
  _mm_storeu_si128((__m128i *)(at + 32), upper);
}

// ---------------------------------------------------------------- the way back

/** Whether this is VXLAN in plain IPv4 with nothing wrong: one condition for all, so that it is one branch. */
static inline int is_plain_vxlan(const uint8_t *frame, uint32_t length, uint32_t wire, uint16_t port) {
  if (UNLIKELY(length < OUTER_LENGTH + 14 || (load32(frame + 12) & 0x00ffffff) != 0x00450008)) return 0;
  const uint64_t a = load64(frame + 14); // version .. fragment
  const uint64_t b = load64(frame + 22); // TTL .. source
  const uint32_t total = swap16((uint16_t)(a >> 16));
  const uint32_t udp_length = swap16(load16(frame + 38));
  // Five words of at most 2^32: the carries stay inside 64 bits.
  const uint64_t sum = (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) + load32(frame + 30);
  return (fold(sum) == 0xffff) & ((a & 0xff3f000000000000u) == 0) & ((b & 0xff00) == 0x1100) &
         (load16(frame + 36) == port) & (total + 14 <= wire) & (udp_length + 20 <= total) & (udp_length >= 16 + 14) &
         ((frame[42] & 8) != 0);
}

/** Takes the outer header off a packet that `is_plain_vxlan`. */
static inline void strip_plain(descriptor *d, const uint8_t *frame, uint32_t vni) {
  const uint32_t there = d->length - OUTER_LENGTH;
  const uint32_t inner = (uint32_t)swap16(load16(frame + 38)) - 16;
  d->offset += OUTER_LENGTH;
  d->length = there < inner ? there : inner;
  d->wire_length = inner;
  d->vni = vni;
}

static inline uint32_t plain_vni(const uint8_t *frame) { return __builtin_bswap32(load32(frame + 46)) >> 8; }

/**
 * Every packet that the quick checks do not recognise: tags, options, IPv6, and whatever is wrong with it.
 * Returns the drop reason, or 0 and in `ipv4` the address of the outer IPv4 header (null for IPv6).
 */
static __attribute__((noinline)) uint32_t decapsulate_any(const uint8_t *base, descriptor *d, uint16_t port,
                                                         uint32_t wanted, const uint8_t **ipv4) {
  const uint8_t *const frame = base + d->offset;
  if (d->length < 14) return FRAME_TOO_SHORT;
  uint32_t at = 14;
  uint16_t type = load16(frame + 12);
  for (int tags = 0; tags < 4 && is_tag(type); tags++) {
    if (d->length < at + 4) return NOT_TUNNEL;
    type = load16(frame + at + 2);
    at += 4;
  }
  const uint8_t *const ip = frame + at;
  const uint32_t present = d->length - at;
  const uint32_t available = d->wire_length - at;
  uint32_t header = 40, total;
  if (type == 0x0008) {
    if (present < 20) return OUTER_IP_TRUNCATED;
    header = (ip[0] & 15u) * 4;
    if (ip[0] >> 4 != 4 || header < 20) return OUTER_IP_HEADER;
    if (ip[9] != 17) return NOT_TUNNEL;
    if ((load16(ip + 6) & 0xff3f) != 0) return OUTER_IP_FRAGMENT;
    if (present < header) return OUTER_IP_TRUNCATED;
    total = swap16(load16(ip + 2));
  } else if (type == 0xdd86) {
    if (present < 40) return OUTER_IP_TRUNCATED;
    if (ip[0] >> 4 != 6) return OUTER_IP_HEADER;
    if (ip[6] != 17) return NOT_TUNNEL;
    total = swap16(load16(ip + 4));
    if (total != 0) total += 40;
  } else {
    return NOT_TUNNEL;
  }
  if (present < header + 8) return UDP_TRUNCATED;
  const uint8_t *const udp = ip + header;
  if (load16(udp + 2) != port) return NOT_TUNNEL;
  if (type == 0x0008) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < header; i += 4) sum += load32(ip + i);
    if (fold(sum) != 0xffff) return OUTER_IP_CHECKSUM;
  }
  const int big = total == 0 && available > 65535;
  if (big) total = available;
  if (total < header + 8) return OUTER_IP_HEADER;
  if (total > available) return OUTER_IP_TRUNCATED;
  uint32_t udp_length = swap16(load16(udp + 4));
  if (big && udp_length == 0) udp_length = total - header;
  if (udp_length < 8 || udp_length > total - header) return UDP_LENGTH;
  if (udp_length < 16 || present < header + 16) return VXLAN_TRUNCATED;
  if ((udp[8] & 8) == 0) return VXLAN_NO_VNI;
  const uint32_t vni = __builtin_bswap32(load32(udp + 12)) >> 8;
  if (wanted != VNI_ANY && wanted != vni) return OTHER_VNI;
  const uint32_t outer = at + header + 16;
  const uint32_t there = d->length - outer;
  const uint32_t inner = udp_length - 16;
  if (there < 14 || inner < 14) return INNER_TRUNCATED;
  d->offset += outer;
  d->length = there < inner ? there : inner;
  d->wire_length = inner;
  d->vni = vni;
  *ipv4 = type == 0x0008 ? ip : NULL;
  return 0;
}

#endif
