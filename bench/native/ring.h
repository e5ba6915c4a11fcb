// The tasks of a ring's peer: bursts of 32 in and out on one thread, and a stream from thread to thread.
// A program says what its ring is by defining `item`, `ring_push` and `ring_pop`.

#ifndef RING_H
#define RING_H

#include <pthread.h>
#include <semaphore.h>

#include "line-protocol.h"

enum { BURST = 32, CAPACITY = 1024, BURSTS = 512, STREAM = 1 << 18 };

// Both take at most `count`, and return how many they took.
static uint32_t ring_push(const item *items, uint32_t count);
static uint32_t ring_pop(item *items, uint32_t count);

static item sent[BURST], received[BURST];
static uint32_t bad;

static void pass_one_thread(void) {
  for (int i = 0; i < BURSTS; i++) {
    sent[0] = (item)(i + 1);
    bad += ring_push(sent, BURST) != BURST;
    bad += ring_pop(received, BURST) != BURST;
    bad += received[0] != (item)(i + 1);
  }
}

// A thread that pushes 0, 1, 2 ... whenever it is asked to; this one checks what comes out. Both spin, as the others do.
static sem_t asked;

static void *produce(void *nothing) {
  for (;;) {
    sem_wait(&asked);
    item items[BURST];
    for (uint32_t next = 0; next < STREAM; next += BURST) {
      for (uint32_t i = 0; i < BURST; i++) items[i] = (item)(next + i);
      for (uint32_t done = 0; done < BURST;) done += ring_push(items + done, BURST - done);
    }
  }
  return nothing;
}

static void prepare_two_threads(void) {
  static pthread_t thread;
  if (thread != 0) return;
  sem_init(&asked, 0, 0);
  bad += pthread_create(&thread, NULL, produce, NULL) != 0;
}

static void pass_two_threads(void) {
  sem_post(&asked);
  for (uint32_t next = 0; next < STREAM;) {
    item items[BURST];
    const uint32_t count = ring_pop(items, BURST);
    for (uint32_t i = 0; i < count; i++) bad += items[i] != (item)(next + i);
    next += count;
  }
}

const task tasks[] = {
    {"one-thread", NULL, pass_one_thread},
    {"two-threads", prepare_two_threads, pass_two_threads},
};
const int task_count = sizeof tasks / sizeof tasks[0];

// The harness asks after the measurements whether everything came out as it went in.
static const char *load(int count, char **files) {
  (void)count, (void)files;
  return bad == 0 ? NULL : "items were lost or changed";
}

static const char *dump(const char *name) {
  (void)name;
  return "a ring has nothing to compare";
}

#endif
