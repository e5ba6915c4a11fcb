// The kernels' FDB in C: 64-byte buckets of four keys and their four values, two buckets a key.
//
// A burst is looked up in passes: all keys are hashed, by vectors; their buckets are prefetched, or in very large
// tables read, which is faster there (measured); they are compared, four keys at once where the compiler has AVX2;
// and last come the second buckets of the keys that were not there. The pages are ordinary ones, as those of a
// WebAssembly memory are; "fdb huge" asks for huge pages and shows what they would bring.

#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "line-protocol.h"

enum { BURST = 256, PASS = 16384, SLOTS = 4, FAR_BITS = 18 };

typedef struct {
  uint64_t keys[SLOTS];
  uint64_t values[SLOTS];
} bucket;

typedef struct { // the first bytes of the file that the harness writes
  uint64_t entries, queries, seed, capacity;
} head_of_file;

static bucket *buckets;
static uint8_t *strayed; // by first bucket: how many of its keys stand in their second
static size_t table_length;
static uint64_t seed; // mixed
static uint32_t mask;
static int far, huge;

static head_of_file *file;
static const uint64_t *keys, *hits, *halves;
static uint64_t *found;
static uint64_t refused;

static inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static inline uint32_t first_bucket(uint64_t key, uint32_t low, uint32_t high, uint32_t bits) {
  const uint64_t product = (uint64_t)((uint32_t)key + low) * (uint32_t)((uint32_t)(key >> 32) + high);
  uint32_t h = (uint32_t)product ^ (uint32_t)(product >> 32);
  h *= 0x85ebca6bu;
  h ^= h >> 15;
  h *= 0xc2b2ae35u;
  return (h ^ h >> 16) >> 6 & bits;
}

static inline uint32_t home_of(uint64_t key) {
  return first_bucket(key, (uint32_t)seed, (uint32_t)(seed >> 32), mask);
}

static inline uint32_t second_bucket(uint64_t key, uint32_t first) {
  const uint32_t second = mix(key ^ seed) >> 38 & mask;
  return second == first ? first ^ 1 : second;
}

/** The value of `key` in this bucket, or 0. */
static inline uint64_t value_in(const bucket *b, uint64_t key) {
#ifdef __AVX2__
  const __m256i same = _mm256_cmpeq_epi64(_mm256_load_si256((const __m256i *)b->keys), _mm256_set1_epi64x((long long)key));
  const unsigned which = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same));
  return which == 0 ? 0 : b->values[__builtin_ctz(which)];
#else
  for (int i = 0; i < SLOTS; i++)
    if (b->keys[i] == key) return b->values[i];
  return 0;
#endif
}

static __attribute__((noinline)) void lookup(const uint64_t *restrict wanted, uint64_t *restrict values, unsigned count) {
  uint32_t at[BURST], missing[BURST];
  const bucket *const table = buckets;
  const uint8_t *const elsewhere = strayed;
  const uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32), bits = mask;
  for (unsigned i = 0; i < count; i++) at[i] = first_bucket(wanted[i], low, high, bits);
  if (far)
    for (unsigned i = 0; i < count; i++) (void)*(const volatile uint64_t *)table[at[i]].keys;
  else
    for (unsigned i = 0; i < count; i++) __builtin_prefetch(&table[at[i]]);
  unsigned misses = 0;
  for (unsigned i = 0; i < count; i++) {
    const uint64_t value = value_in(&table[at[i]], wanted[i]);
    values[i] = value;
    if (__builtin_expect(value == 0, 0) && elsewhere[at[i]] != 0) missing[misses++] = i;
  }
  for (unsigned i = 0; i < misses; i++) {
    at[i] = second_bucket(wanted[missing[i]], at[missing[i]]); // i <= missing[i]
    __builtin_prefetch(&table[at[i]]);
  }
  for (unsigned i = 0; i < misses; i++) values[missing[i]] = value_in(&table[at[i]], wanted[missing[i]]);
}

static int put(bucket *b, uint64_t key, uint64_t value) {
  for (int i = 0; i < SLOTS; i++) {
    if (b->keys[i] != 0) continue;
    b->values[i] = value;
    b->keys[i] = key;
    return 1;
  }
  return 0;
}

static int replace(bucket *b, uint64_t key, uint64_t value) {
  for (int i = 0; i < SLOTS; i++) {
    if (b->keys[i] != key) continue;
    b->values[i] = value;
    return 1;
  }
  return 0;
}

static int insert(uint64_t key, uint64_t value) {
  const uint32_t first = home_of(key);
  bucket *const one = &buckets[first];
  bucket *const other = &buckets[second_bucket(key, first)];
  if (replace(one, key, value) || replace(other, key, value)) return 1;
  if (put(one, key, value)) return 1;
  if (put(other, key, value)) {
    strayed[first]++;
    return 1;
  }
  for (int i = 0; i < 2 * SLOTS; i++) {
    bucket *const from = i < SLOTS ? one : other;
    const int slot = i % SLOTS;
    const uint64_t moved = from->keys[slot];
    const uint32_t home = home_of(moved);
    bucket *to = &buckets[home];
    if (to == from) to = &buckets[second_bucket(moved, home)];
    if (!put(to, from->keys[slot], from->values[slot])) continue;
    if (to == &buckets[home]) strayed[home]--;
    else strayed[home]++;
    if (from == other) strayed[first]++;
    from->values[slot] = value;
    from->keys[slot] = key;
    return 1;
  }
  return 0;
}

static __attribute__((noinline)) void insert_all(void) {
  for (uint64_t i = 0; i < file->entries; i++) refused += !insert(keys[i], (i + 1) | 1ull << 32);
}

static void clear(void) {
  memset(buckets, 0, table_length);
  memset(strayed, 0, (size_t)mask + 1);
  refused = 0;
}

// A pass looks up some bursts and goes on from there in the next; answers are used up burst by burst.
static void look_up(const uint64_t *wanted) {
  static uint64_t next;
  for (unsigned i = 0; i < PASS; i += BURST) {
    if (next + BURST > file->queries) next = 0;
    lookup(wanted + next, found, BURST);
    next += BURST;
  }
}
static void answer_all(const uint64_t *wanted) {
  for (uint64_t i = 0; i < file->queries; i += BURST) lookup(wanted + i, found + i, BURST);
}
static void pass_hit(void) { look_up(hits); }
static void pass_half(void) { look_up(halves); }
static void pass_answers(void) { answer_all(halves); }

const task tasks[] = {
    {"lookup", NULL, pass_hit},
    {"lookup-half", NULL, pass_half},
    {"insert", clear, insert_all},
    {"answers", NULL, pass_answers},
};
const int task_count = sizeof tasks / sizeof tasks[0];

static const char *load(int count, char **files) {
  if (count != 1) return "one file, please";
  if (buckets != NULL) munmap(buckets, table_length);
  free(file);
  free(found);
  free(strayed);
  found = NULL;
  strayed = NULL;
  buckets = NULL;
  size_t length;
  file = read_file(files[0], 64, &length);
  if (file == NULL) return "the file cannot be read";
  keys = (const uint64_t *)(file + 1);
  hits = keys + file->entries;
  halves = hits + file->queries;
  seed = mix(file->seed);
  unsigned bits = 1;
  while ((1ull << bits) * 2 < file->capacity) bits++;
  mask = (1u << bits) - 1;
  far = bits >= FAR_BITS;
  table_length = sizeof(bucket) << bits;
  void *memory = mmap(NULL, table_length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  found = malloc(file->queries * sizeof(uint64_t));
  strayed = malloc((size_t)mask + 1);
  if (memory == MAP_FAILED || found == NULL || strayed == NULL) return "not enough memory";
  buckets = memory;
  madvise(buckets, table_length, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  clear();
  insert_all();
  return refused == 0 ? NULL : "the table is full";
}

static const char *dump(const char *name) {
  FILE *out = fopen(name, "wb");
  if (out == NULL) return "the file cannot be written";
  const size_t written = fwrite(found, sizeof(uint64_t), file->queries, out);
  return fclose(out) == 0 && written == file->queries ? NULL : "the file cannot be written";
}

int main(int count, char **words) {
  huge = count > 1 && strcmp(words[1], "huge") == 0;
  return serve();
}
