// The memory that every peer of the datapath tasks works on, made by bench/image.ts: a header,
// counters, descriptors, frame slots, a capture. Addresses in it count from its first byte.

#ifndef IMAGE_H
#define IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint32_t offset, length, wire_length, floor;
  uint8_t verdict, reason;
  uint16_t unused;
  uint32_t vni, flow_hash, mark;
} descriptor;

typedef struct {
  uint32_t count;          // frames
  uint32_t burst;          // frames handed over at a time
  uint32_t descriptors;    // address
  uint32_t ip_sum;         // of the outer IPv4 header without its length, folded, as words lie in memory
  uint32_t seed;           // of the flow hash
  uint32_t tag;            // TPID and TCI as they lie in a frame
  uint32_t port;           // UDP destination port as it lies in a packet
  uint32_t vni;            // the VNI that decapsulation accepts; 0xffffffff: any
  uint32_t capture;        // address of the first record
  uint32_t capture_end;
  uint32_t out;            // address where its records are written again
  uint32_t out_end;
  uint32_t unused[4];
  uint8_t outer[64];       // the template: 50 bytes
  uint64_t counters[32];   // by drop reason; the first counts what was forwarded
} image;

_Static_assert(sizeof(descriptor) == 32 && sizeof(image) == 384, "layout");

#define VNI_NONE 0xffffffffu

enum { FORWARD = 0, DROP = 3 };
enum {
  FRAME_TOO_SHORT = 1, FRAME_TOO_LONG = 2, NO_HEADROOM = 4, NOT_TUNNEL = 5, OUTER_IP_TRUNCATED = 6,
  OUTER_IP_HEADER = 7, OUTER_IP_CHECKSUM = 8, OUTER_IP_FRAGMENT = 9, UDP_TRUNCATED = 10, UDP_LENGTH = 11,
  VXLAN_TRUNCATED = 13, VXLAN_NO_VNI = 14, OTHER_VNI = 16, INNER_TRUNCATED = 17
};

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

static inline uint16_t load16(const uint8_t *at) { uint16_t value; memcpy(&value, at, 2); return value; }
static inline uint32_t load32(const uint8_t *at) { uint32_t value; memcpy(&value, at, 4); return value; }
static inline uint64_t load64(const uint8_t *at) { uint64_t value; memcpy(&value, at, 8); return value; }
static inline void store16(uint8_t *at, uint16_t value) { memcpy(at, &value, 2); }
static inline void store32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }
static inline void store64(uint8_t *at, uint64_t value) { memcpy(at, &value, 8); }
static inline uint16_t swap16(uint16_t value) { return __builtin_bswap16(value); }

static inline uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

#endif
