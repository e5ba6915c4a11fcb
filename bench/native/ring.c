// The kernels' descriptor ring in C: the same layout, 16-byte copies. Stores are releases, which is all a ring needs;
// with the word "sequential" they are sequentially consistent, the only order that WebAssembly has: on x86 an
// instruction of some 20 cycles instead of an ordinary store.

#include <immintrin.h>
#include <stdatomic.h>
#include <stdint.h>

typedef uint32_t item;
#include "ring.h"

// The header as src/layout/ring.layout.ts lays it out, and the items behind it.
static struct {
  uint32_t mask;
  _Alignas(64) _Atomic uint32_t tail;
  uint32_t head_copy;
  _Alignas(64) _Atomic uint32_t head;
  uint32_t tail_copy;
  _Alignas(64) item items[CAPACITY];
} ring = {.mask = CAPACITY - 1};

static int sequential;

static inline void publish(_Atomic uint32_t *count, uint32_t value) {
  if (sequential) atomic_store(count, value);
  else atomic_store_explicit(count, value, memory_order_release);
}

static inline void move(item *to, const item *from, uint32_t count) {
  uint32_t i = 0;
  for (; i + 4 <= count; i += 4) _mm_storeu_si128((__m128i *)(to + i), _mm_loadu_si128((const __m128i *)(from + i)));
  for (; i < count; i++) to[i] = from[i];
}

static __attribute__((noinline)) uint32_t ring_push(const item *items, uint32_t count) {
  const uint32_t tail = atomic_load_explicit(&ring.tail, memory_order_relaxed);
  uint32_t room = ring.mask + 1 - (tail - ring.head_copy);
  if (room < count) {
    ring.head_copy = atomic_load_explicit(&ring.head, memory_order_acquire);
    room = ring.mask + 1 - (tail - ring.head_copy);
    if (room < count) count = room;
  }
  const uint32_t at = tail & ring.mask;
  const uint32_t to_end = ring.mask + 1 - at;
  const uint32_t first = count < to_end ? count : to_end;
  move(ring.items + at, items, first);
  if (first < count) move(ring.items, items + first, count - first);
  publish(&ring.tail, tail + count);
  return count;
}

static __attribute__((noinline)) uint32_t ring_pop(item *items, uint32_t count) {
  const uint32_t head = atomic_load_explicit(&ring.head, memory_order_relaxed);
  uint32_t filled = ring.tail_copy - head;
  if (filled < count) {
    ring.tail_copy = atomic_load_explicit(&ring.tail, memory_order_acquire);
    filled = ring.tail_copy - head;
    if (filled < count) count = filled;
  }
  const uint32_t at = head & ring.mask;
  const uint32_t to_end = ring.mask + 1 - at;
  const uint32_t first = count < to_end ? count : to_end;
  move(items, ring.items + at, first);
  if (first < count) move(items + first, ring.items, count - first);
  publish(&ring.head, head + count);
  return count;
}

int main(int count, char **words) {
  sequential = count == 2 && strcmp(words[1], "sequential") == 0;
  return serve();
}
