// DPDK's rte_ring with one producer and one consumer, in memory of our own: a ring needs no DPDK environment, and
// without one the threads of this process are pinned to no core, as those of the peers are not.
//
// Items of 4 bytes as the kernels' are; rte-ring-pointers.c builds the same with pointers, the ring's first use.

#include <stdint.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#ifndef ITEM
#define ITEM uint32_t
#endif
typedef ITEM item;

#include "ring.h"

static struct rte_ring *ring;

static uint32_t ring_push(const item *items, uint32_t count) {
  if (count == BURST) return rte_ring_sp_enqueue_bulk_elem(ring, items, sizeof(item), BURST, NULL);
  return rte_ring_sp_enqueue_burst_elem(ring, items, sizeof(item), count, NULL);
}

static uint32_t ring_pop(item *items, uint32_t count) {
  return rte_ring_sc_dequeue_bulk_elem(ring, items, sizeof(item), count, NULL);
}

int main(void) {
  // RING_F_EXACT_SZ: all of the capacity usable, as with the peers.
  const ssize_t length = rte_ring_get_memsize_elem(sizeof(item), 2 * CAPACITY);
  ring = length < 0 ? NULL : aligned_alloc(64, ((size_t)length + 63) / 64 * 64);
  if (ring == NULL || rte_ring_init(ring, "ring", CAPACITY, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ) != 0) {
    printf("error the ring cannot be made\n");
    return 1;
  }
  return serve();
}
