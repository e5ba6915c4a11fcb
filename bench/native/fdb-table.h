// The kernels' FDB as C: 64-byte buckets of four keys and their four values, two buckets a key. A key stands
// in its first bucket unless that was full. The hash is one multiplication and a half: cheaper than the kernels', and good
// enough for the random stations that are measured.
//
// Beside the slots lie links, one each: an entry's place in the list of its port's learned entries, in the order
// they were learned, from which a full table would choose what goes. Slots are numbered from 1.

#ifndef FDB_TABLE_H
#define FDB_TABLE_H

#include <immintrin.h>
#include <stdint.h>

enum { SLOTS = 4 };

typedef struct {
  uint64_t keys[SLOTS]; // 0: free
  uint64_t values[SLOTS];
} bucket;

typedef struct {
  uint32_t previous, next, stamp, port;
} fdb_link;

typedef struct {
  uint32_t head, tail;
} fdb_list;

typedef struct {
  bucket *buckets;
  fdb_link *links; // by slot; those of a bucket share a cache line
  fdb_list *lists; // by port
  uint64_t mask, seed;
  unsigned shift, second_shift;
  uint32_t entries, capacity;
} fdb_table;

static inline uint64_t fdb_hash(const fdb_table *t, uint64_t key) {
  uint64_t h = (key ^ t->seed) * 0x9e3779b97f4a7c15u;
  h ^= h >> 32;
  return h * 0xd6e8feb86659fd93u;
}

static inline bucket *first_bucket(const fdb_table *t, uint64_t h) { return &t->buckets[h >> t->shift]; }

/** Never the same as the first. */
static inline bucket *second_bucket(const fdb_table *t, uint64_t h) {
  const uint64_t first = h >> t->shift;
  const uint64_t second = h >> t->second_shift & t->mask;
  return &t->buckets[second == first ? first ^ 1 : second];
}

/** The number of the slot that holds `key`, plus one; 0 if none does. */
static inline unsigned slot_of(const bucket *b, uint64_t key) {
#ifdef __AVX2__
  const __m256i same = _mm256_cmpeq_epi64(_mm256_load_si256((const __m256i *)b->keys), _mm256_set1_epi64x((long long)key));
  return (unsigned)__builtin_ffs(_mm256_movemask_pd(_mm256_castsi256_pd(same)));
#else
  for (unsigned i = 0; i < SLOTS; i++)
    if (b->keys[i] == key) return i + 1;
  return 0;
#endif
}

/** Where the value of `key` stands, or null. */
static inline uint64_t *find_value(const fdb_table *t, uint64_t key, uint64_t h) {
  bucket *b = first_bucket(t, h);
  unsigned slot = slot_of(b, key);
  if (__builtin_expect(slot == 0, 0)) {
    b = second_bucket(t, h);
    slot = slot_of(b, key);
    if (slot == 0) return NULL;
  }
  return &b->values[slot - 1];
}

static inline uint32_t slot_number(const fdb_table *t, const uint64_t *value) {
  const size_t at = (size_t)((const uint8_t *)value - (const uint8_t *)t->buckets);
  return (uint32_t)(at / sizeof(bucket) * SLOTS + at % sizeof(bucket) / sizeof(uint64_t) - SLOTS + 1);
}

static inline const fdb_link *links_of_bucket(const fdb_table *t, uint64_t h) {
  return &t->links[(h >> t->shift) * SLOTS + 1];
}

static inline void link_last(fdb_table *t, uint32_t slot, uint32_t port, uint32_t stamp) {
  fdb_list *const list = &t->lists[port];
  t->links[slot] = (fdb_link){list->tail, 0, stamp, port};
  *(list->tail == 0 ? &list->head : &t->links[list->tail].next) = slot;
  list->tail = slot;
}

/** Lets the neighbours of a link name `before` and `behind` rather than it. */
static inline void rejoin(fdb_table *t, const fdb_link *link, uint32_t before, uint32_t behind) {
  fdb_list *const list = &t->lists[link->port];
  *(link->previous == 0 ? &list->head : &t->links[link->previous].next) = behind;
  *(link->next == 0 ? &list->tail : &t->links[link->next].previous) = before;
}

static inline void unlink_slot(fdb_table *t, uint32_t slot) {
  rejoin(t, &t->links[slot], t->links[slot].previous, t->links[slot].next);
}

/** Where the value stands now, or null if the bucket is full. */
static inline uint64_t *put(bucket *b, uint64_t key, uint64_t value) {
  const unsigned slot = slot_of(b, 0);
  if (slot == 0) return NULL;
  b->values[slot - 1] = value;
  b->keys[slot - 1] = key;
  return &b->values[slot - 1];
}

/** A key that is not there, into two full buckets: one of their entries moves to its other bucket. */
static __attribute__((noinline)) uint64_t *make_room_and_put(fdb_table *t, bucket *one, bucket *other, uint64_t key,
                                                             uint64_t value) {
  for (int i = 0; i < 2 * SLOTS; i++) {
    bucket *const from = i < SLOTS ? one : other;
    const int slot = i % SLOTS;
    const uint64_t h = fdb_hash(t, from->keys[slot]);
    bucket *to = first_bucket(t, h);
    if (to == from) to = second_bucket(t, h);
    const uint64_t *const moved = put(to, from->keys[slot], from->values[slot]);
    if (moved == NULL) continue;
    const fdb_link *const link = &t->links[slot_number(t, &from->values[slot])];
    if (link->port != 0) { // static entries stand in no list
      const uint32_t number = slot_number(t, moved);
      rejoin(t, link, number, number);
      t->links[number] = *link;
    }
    from->values[slot] = value;
    from->keys[slot] = key;
    return &from->values[slot];
  }
  return NULL;
}

/** Inserts a key that is not there; where its value stands, or null if there was no room. */
static inline uint64_t *insert_new(fdb_table *t, uint64_t key, uint64_t h, uint64_t value) {
  if (t->entries >= t->capacity) return NULL;
  bucket *const one = first_bucket(t, h);
  uint64_t *at = put(one, key, value);
  if (__builtin_expect(at == NULL, 0)) {
    bucket *const other = second_bucket(t, h);
    at = put(other, key, value);
    if (at == NULL) at = make_room_and_put(t, one, other, key, value);
    if (at == NULL) return NULL;
  }
  t->entries++;
  return at;
}

#endif
