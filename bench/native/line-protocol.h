// What every native peer shares: it stays alive and obeys lines on its standard input, so that
// the harness can let it take turns with the other peers of the same run.
//
//   load FILE...            reads what to work on                        -> "ok"
//   once TASK               one pass over what is there, unprepared      -> "ok"
//   dump FILE               writes the memory, to be compared with peers -> "ok"
//   run TASK SAMPLES PASSES SAMPLES figures: nanoseconds that PASSES passes took, preparation excluded
//   end of input            ends the process
//
// Anything that goes wrong is answered by "error SENTENCE".

#ifndef LINE_PROTOCOL_H
#define LINE_PROTOCOL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
  const char *name;
  void (*prepare)(void); // before each pass, outside the measured time; may be null
  void (*pass)(void);
} task;

// Each program defines these.
extern const task tasks[];
extern const int task_count;
static const char *load(int count, char **files); // returns null or what was wrong
static const char *dump(const char *file);

static inline uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static const task *find_task(const char *name) {
  for (int i = 0; i < task_count; i++)
    if (name != NULL && strcmp(tasks[i].name, name) == 0) return &tasks[i];
  return NULL;
}

static uint64_t measured_pass(const task *chosen) {
  if (chosen->prepare != NULL) chosen->prepare();
  const uint64_t start = now();
  chosen->pass();
  return now() - start;
}

static __attribute__((unused)) void *read_file(const char *name, size_t alignment, size_t *length) {
  FILE *file = fopen(name, "rb");
  if (file == NULL) return NULL;
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  void *memory = aligned_alloc(alignment, (*length + alignment) / alignment * alignment);
  if (memory != NULL && fread(memory, 1, *length, file) != *length) {
    free(memory);
    memory = NULL;
  }
  fclose(file);
  return memory;
}

static int serve(void) {
  static char line[4096];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char *words[8];
    int count = 0;
    for (char *word = strtok(line, " \n"); word != NULL && count < 8; word = strtok(NULL, " \n")) words[count++] = word;
    const char *wrong = NULL;
    if (count >= 2 && strcmp(words[0], "load") == 0) {
      wrong = load(count - 1, words + 1);
    } else if (count == 2 && strcmp(words[0], "dump") == 0) {
      wrong = dump(words[1]);
    } else if (count >= 2 && find_task(words[1]) != NULL) {
      const task *chosen = find_task(words[1]);
      if (strcmp(words[0], "once") == 0) {
        chosen->pass();
      } else if (count == 4 && strcmp(words[0], "run") == 0) {
        const int samples = atoi(words[2]);
        const int passes = atoi(words[3]);
        measured_pass(chosen); // the process slept: its caches and its clock must wake up first
        for (int sample = 0; sample < samples; sample++) {
          uint64_t total = 0;
          for (int pass = 0; pass < passes; pass++) total += measured_pass(chosen);
          printf("%s%llu", sample == 0 ? "" : " ", (unsigned long long)total);
        }
        printf("\n");
        fflush(stdout);
        continue;
      } else {
        wrong = "unknown command";
      }
    } else {
      wrong = "unknown command or task";
    }
    if (wrong == NULL) printf("ok\n");
    else printf("error %s\n", wrong);
    fflush(stdout);
  }
  return 0;
}

#endif
