// The kernels' FDB as C: 64-byte buckets of four keys and their four values, two buckets a key. A key stands
// in its first bucket unless that was full. The hash is the one of bench/native/fdb.c.

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
  bucket *buckets;
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

static inline int put(bucket *b, uint64_t key, uint64_t value) {
  const unsigned slot = slot_of(b, 0);
  if (slot == 0) return 0;
  b->values[slot - 1] = value;
  b->keys[slot - 1] = key;
  return 1;
}

/** A key that is not there, into two full buckets: one of their entries moves to its other bucket. */
static __attribute__((noinline)) int make_room_and_put(fdb_table *t, bucket *one, bucket *other, uint64_t key,
                                                       uint64_t value) {
  for (int i = 0; i < 2 * SLOTS; i++) {
    bucket *const from = i < SLOTS ? one : other;
    const int slot = i % SLOTS;
    const uint64_t h = fdb_hash(t, from->keys[slot]);
    bucket *to = first_bucket(t, h);
    if (to == from) to = second_bucket(t, h);
    if (!put(to, from->keys[slot], from->values[slot])) continue;
    from->values[slot] = value;
    from->keys[slot] = key;
    return 1;
  }
  return 0;
}

/** Inserts a key that is not there; whether there was room. */
static inline int insert_new(fdb_table *t, uint64_t key, uint64_t h, uint64_t value) {
  if (t->entries >= t->capacity) return 0;
  bucket *const one = first_bucket(t, h);
  if (__builtin_expect(!put(one, key, value), 0)) {
    bucket *const other = second_bucket(t, h);
    if (!put(other, key, value) && !make_room_and_put(t, one, other, key, value)) return 0;
  }
  t->entries++;
  return 1;
}

#endif
