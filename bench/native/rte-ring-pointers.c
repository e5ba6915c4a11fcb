// rte_ring as it is used most: items are pointers, 8 bytes.

#define ITEM uintptr_t
#include "rte-ring.c"
