// DPDK's rte_acl with the same rules and frames: IPv4, addresses under prefixes, a protocol, ranges of ports.
//
// A frame's header is read where it lies, as DPDK's l3fwd-acl does. What is found is counted for the rule, and the verdict
// written: what a rule table does as well.

#include <rte_acl.h>
#include <rte_eal.h>

#include "line-protocol.h"

enum { FRAME = 64, IP = 14, BURST = 256, FIELDS = 5 };

typedef struct {
  uint32_t source, source_bits, destination, destination_bits;
  uint16_t source_from, source_to, destination_from, destination_to;
  uint32_t protocol, drops;
} file_rule;

typedef struct {
  uint32_t rules, frames, reserved[14];
} head_of_file;

RTE_ACL_RULE_DEF(acl_rule, FIELDS);

static struct rte_acl_ctx *context;
static head_of_file *file;
static const file_rule *rules;
static const uint8_t *frames;
static uint32_t *found;
static uint64_t *counters;
static uint8_t *verdicts;

static const struct rte_acl_field_def fields[FIELDS] = {
    {.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 1, .field_index = 0, .input_index = 0, .offset = 9},
    {.type = RTE_ACL_FIELD_TYPE_MASK, .size = 4, .field_index = 1, .input_index = 1, .offset = 12},
    {.type = RTE_ACL_FIELD_TYPE_MASK, .size = 4, .field_index = 2, .input_index = 2, .offset = 16},
    {.type = RTE_ACL_FIELD_TYPE_RANGE, .size = 2, .field_index = 3, .input_index = 3, .offset = 20},
    {.type = RTE_ACL_FIELD_TYPE_RANGE, .size = 2, .field_index = 4, .input_index = 3, .offset = 22},
};

static void classify(uint32_t first) {
  const uint8_t *headers[BURST];
  for (unsigned i = 0; i < BURST; i++) headers[i] = frames + (size_t)(first + i) * FRAME + IP;
  rte_acl_classify(context, headers, found + first, BURST, 1);
  for (unsigned i = 0; i < BURST; i++) {
    const uint32_t rule = found[first + i]; // from 1; 0: none
    counters[2 * rule]++;
    counters[2 * rule + 1] += FRAME;
    verdicts[first + i] = rule != 0 && rules[rule - 1].drops;
  }
}

static void pass(void) {
  static uint32_t next;
  if (next >= file->frames) next = 0;
  classify(next);
  next += BURST;
}

static void answers(void) {
  for (uint32_t first = 0; first < file->frames; first += BURST) classify(first);
}

const task tasks[] = {{"classify", NULL, pass}, {"answers", NULL, answers}};
const int task_count = sizeof tasks / sizeof tasks[0];

static const char *load(int count, char **files) {
  if (count != 1) return "one file, please";
  rte_acl_free(context);
  free(file);
  free(found);
  free(counters);
  free(verdicts);
  context = NULL;
  found = NULL;
  counters = NULL;
  verdicts = NULL;
  size_t length;
  file = read_file(files[0], 64, &length);
  if (file == NULL) return "the file cannot be read";
  rules = (const file_rule *)(file + 1);
  frames = (const uint8_t *)(rules + file->rules);
  found = calloc(file->frames, sizeof *found);
  counters = calloc(2 * ((size_t)file->rules + 1), sizeof *counters);
  verdicts = calloc(file->frames, 1);
  const struct rte_acl_param parameters = {
      .name = "rules", .socket_id = 0, .rule_size = RTE_ACL_RULE_SZ(FIELDS), .max_rule_num = file->rules};
  context = rte_acl_create(&parameters);
  if (context == NULL || found == NULL || counters == NULL || verdicts == NULL) return "not enough memory";
  for (uint32_t i = 0; i < file->rules; i++) {
    const file_rule *from = &rules[i];
    struct acl_rule rule = {.data = {.category_mask = 1, .priority = (int32_t)(file->rules - i), .userdata = i + 1}};
    rule.field[0].value.u8 = (uint8_t)from->protocol;
    rule.field[0].mask_range.u8 = from->protocol == 0 ? 0 : 255;
    rule.field[1].value.u32 = from->source;
    rule.field[1].mask_range.u32 = from->source_bits;
    rule.field[2].value.u32 = from->destination;
    rule.field[2].mask_range.u32 = from->destination_bits;
    rule.field[3].value.u16 = from->source_from;
    rule.field[3].mask_range.u16 = from->source_to;
    rule.field[4].value.u16 = from->destination_from;
    rule.field[4].mask_range.u16 = from->destination_to;
    if (rte_acl_add_rules(context, (const struct rte_acl_rule *)&rule, 1) != 0) return "a rule is refused";
  }
  struct rte_acl_config config = {.num_categories = 1, .num_fields = FIELDS, .max_size = (size_t)1 << 30};
  for (int i = 0; i < FIELDS; i++) config.defs[i] = fields[i];
  if (rte_acl_build(context, &config) != 0) return "the rules cannot be built";
  return NULL;
}

static const char *dump(const char *name) {
  FILE *out = fopen(name, "wb");
  if (out == NULL) return "the file cannot be written";
  const size_t written = fwrite(found, sizeof *found, file->frames, out);
  return fclose(out) == 0 && written == file->frames ? NULL : "the file cannot be written";
}

int main(void) {
  char *words[] = {"rte-acl", "--no-huge", "--no-pci", "-m", "1536", "--no-shconf", "--no-telemetry", "-l", "0",
                   "--log-level=error", NULL};
  if (rte_eal_init(10, words) < 0) {
    printf("error the DPDK environment does not start\n");
    return 1;
  }
  return serve();
}
