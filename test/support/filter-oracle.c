// Asks libpcap which frames match: `filter-oracle FRAMES DLT < EXPRESSIONS`.
//
// FRAMES: a 32-bit count, and for each frame the bytes captured, the bytes on the wire (32 bits each) and the bytes. For
// each line of EXPRESSIONS a line comes back: `E` and what libpcap says is wrong, or two strings of digits, one a frame,
// 1 if it matches: by the program as it was generated, and by the one that libpcap has optimised.
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct frame {
  uint32_t captured, wire;
  const unsigned char *bytes;
};

static unsigned char *read_all(const char *name, size_t *length) {
  FILE *file = fopen(name, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) return NULL;
  *length = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*length + 1);
  if (bytes == NULL || fread(bytes, 1, *length, file) != *length) return NULL;
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  size_t length;
  const unsigned char *at = argc == 3 ? read_all(argv[1], &length) : NULL;
  if (at == NULL) return 1;
  uint32_t count;
  memcpy(&count, at, 4);
  at += 4;
  struct frame *frames = calloc(count + 1, sizeof *frames);
  for (uint32_t i = 0; i < count; i++) {
    memcpy(&frames[i].captured, at, 4);
    memcpy(&frames[i].wire, at + 4, 4);
    frames[i].bytes = at + 8;
    at += 8 + frames[i].captured;
  }
  pcap_t *pcap = pcap_open_dead(atoi(argv[2]), 262144);
  char *line = NULL;
  size_t room = 0;
  for (ssize_t got; (got = getline(&line, &room, stdin)) > 0;) {
    if (line[got - 1] == '\n') line[got - 1] = 0;
    struct bpf_program programs[2];
    int made = 0;
    while (made < 2 && pcap_compile(pcap, &programs[made], line, made, PCAP_NETMASK_UNKNOWN) == 0) made++;
    // The optimiser refuses what no packet can match; the program as generated is there all the same.
    if (made == 0) printf("E %s\n", pcap_geterr(pcap));
    for (int program = 0; program < made; program++) {
      for (uint32_t i = 0; i < count; i++) {
        const struct frame *frame = &frames[i];
        putchar(bpf_filter(programs[program].bf_insns, frame->bytes, frame->wire, frame->captured) ? '1' : '0');
      }
      putchar(program + 1 == made ? '\n' : ' ');
      pcap_freecode(&programs[program]);
    }
    fflush(stdout);
  }
  return 0;
}
