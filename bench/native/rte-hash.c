// DPDK's rte_hash with the same keys and queries: 8-byte keys, CRC hash, data beside them.
//
// Keys are handed over as pointers, 64 at a time, as rte_hash_lookup_bulk documents. The positions
// alone are the quicker answer; with data is what an FDB needs.

#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "line-protocol.h"

enum { BULK = RTE_HASH_LOOKUP_BULK_MAX, PASS = 16384 };

typedef struct {
  uint64_t entries, queries, seed, capacity;
} head_of_file;

static struct rte_hash *table;
static head_of_file *file;
static const uint64_t *keys, *hits, *halves;
static uint64_t *found;
static int32_t positions[BULK];
static uint64_t refused;

static void look_up_positions(const uint64_t *wanted) {
  const void *pointers[BULK];
  for (unsigned j = 0; j < BULK; j++) pointers[j] = &wanted[j];
  rte_hash_lookup_bulk(table, pointers, BULK, positions);
}

static void look_up_values(const uint64_t *wanted, uint64_t *values) {
  const void *pointers[BULK];
  uint64_t hit = 0;
  for (unsigned j = 0; j < BULK; j++) pointers[j] = &wanted[j];
  rte_hash_lookup_bulk_data(table, pointers, BULK, &hit, (void **)values);
  // What was not found is left as it was: an absent value is 0 in the other tables.
  if (hit != UINT64_MAX)
    for (unsigned j = 0; j < BULK; j++) values[j] &= 0 - (hit >> j & 1);
}

static void look_up_singly(const uint64_t *wanted) {
  for (unsigned i = 0; i < BULK; i++) {
    void *value = NULL;
    found[i] = rte_hash_lookup_data(table, &wanted[i], &value) < 0 ? 0 : (uint64_t)value;
  }
}

// A pass looks up some bursts and goes on from there in the next; answers are used up burst by burst.
static const uint64_t *advance(const uint64_t *wanted) {
  static uint64_t next;
  if (next + BULK > file->queries) next = 0;
  const uint64_t *burst = wanted + next;
  next += BULK;
  return burst;
}

static void insert_all(void) {
  for (uint64_t i = 0; i < file->entries; i++)
    refused += rte_hash_add_key_data(table, &keys[i], (void *)((i + 1) | 1ull << 32)) != 0;
}

static void clear(void) {
  rte_hash_reset(table);
  refused = 0;
}

static void pass_hit(void) {
  for (int i = 0; i < PASS; i += BULK) look_up_positions(advance(hits));
}
static void pass_half(void) {
  for (int i = 0; i < PASS; i += BULK) look_up_positions(advance(halves));
}
static void pass_hit_values(void) {
  for (int i = 0; i < PASS; i += BULK) look_up_values(advance(hits), found);
}
static void pass_half_values(void) {
  for (int i = 0; i < PASS; i += BULK) look_up_values(advance(halves), found);
}
static void pass_hit_singly(void) {
  for (int i = 0; i < PASS; i += BULK) look_up_singly(advance(hits));
}
static void pass_half_singly(void) {
  for (int i = 0; i < PASS; i += BULK) look_up_singly(advance(halves));
}
static void pass_answers(void) {
  for (uint64_t i = 0; i < file->queries; i += BULK) look_up_values(halves + i, found + i);
}

const task tasks[] = {
    {"lookup", NULL, pass_hit},
    {"lookup-half", NULL, pass_half},
    {"lookup-values", NULL, pass_hit_values},
    {"lookup-half-values", NULL, pass_half_values},
    {"lookup-singly", NULL, pass_hit_singly},
    {"lookup-half-singly", NULL, pass_half_singly},
    {"insert", clear, insert_all},
    {"answers", NULL, pass_answers},
};
const int task_count = sizeof tasks / sizeof tasks[0];

static const char *load(int count, char **files) {
  if (count != 1) return "one file, please";
  rte_hash_free(table);
  free(file);
  free(found);
  table = NULL;
  found = NULL;
  size_t length;
  file = read_file(files[0], 64, &length);
  if (file == NULL) return "the file cannot be read";
  keys = (const uint64_t *)(file + 1);
  hits = keys + file->entries;
  halves = hits + file->queries;
  found = calloc(file->queries, sizeof(uint64_t));
  // Room for twice the entries: it refuses keys before it is full, and the table of the kernels is half full, too.
  const struct rte_hash_parameters parameters = {
      .name = "fdb", .entries = (uint32_t)(file->capacity * 2), .key_len = 8, .hash_func = rte_hash_crc,
      .hash_func_init_val = (uint32_t)file->seed, .socket_id = 0};
  table = rte_hash_create(&parameters);
  if (table == NULL || found == NULL) return "not enough memory";
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

int main(void) {
  char *words[] = {"rte-hash", "--no-huge", "--no-pci", "-m", "512", "--no-shconf", "--no-telemetry", "-l", "0",
                   "--log-level=error", NULL};
  if (rte_eal_init(10, words) < 0) {
    printf("error the DPDK environment does not start\n");
    return 1;
  }
  return serve();
}
