// The memory that every peer of the switch tasks works on, made by bench/switch-image.ts: a header, ports,
// bridge domains, tunnels, stations, descriptors, frame slots. Addresses in it count from its first byte.

#ifndef SWITCH_H
#define SWITCH_H

#include "image.h"

typedef struct {
  uint8_t kind;  // UPLINK, ACCESS or TUNNEL
  uint8_t group; // split horizon; 0: none
  uint16_t domain;
  uint32_t mtu; // bytes behind the Ethernet header
  uint32_t tunnel;
  uint32_t flags;
  uint64_t received, received_bytes, dropped, sent, sent_bytes;
  uint32_t learned, limit;
} port_record;

typedef struct {
  uint32_t vni, flags, learned, limit;
  uint64_t received, dropped, sent;
  uint64_t gateway; // MAC; 0: none
  uint64_t unused[2];
} domain_record;

typedef struct {
  uint8_t outer[52]; // the template: 50 bytes, of which the last four are the domain's
  uint32_t ip_sum;   // of the outer IPv4 header without its length, folded, as words lie in memory
  uint32_t unused[2];
} tunnel_record;

typedef struct { // packets of this tunnel and VNI are let in
  uint32_t address, vni; // the address as it lies in a packet
  uint16_t port, domain;
  uint32_t unused;
} remote_record;

typedef struct {
  uint64_t key, value;
} station;

typedef struct {
  uint32_t count;       // descriptors
  uint32_t burst;       // handed over at a time
  uint32_t descriptors; // addresses from here on
  uint32_t ports;
  uint32_t domains;
  uint32_t tunnels;
  uint32_t remotes;
  uint32_t stations;
  uint32_t draws; // 12 bytes a frame: the MACs that passes write, for each burst in turn
  uint32_t out;   // addresses of the descriptors that leave, in order
  uint32_t out_count;
  uint32_t port_count;
  uint32_t domain_count;
  uint32_t remote_count;
  uint32_t station_count;
  uint32_t draw_count; // a burst, in frames; 0: frames stay as they are
  uint32_t local;      // the VTEP's address as it lies in a packet
  uint32_t udp_port;   // as it lies in a packet
  uint32_t seconds;    // now
  uint32_t seed;       // of the flow hash
  uint32_t capacity;   // of the FDB
  uint32_t refused;    // sources that were not learned
  uint64_t fdb_seed;
  uint64_t events; // how many there were
  uint64_t unused[3];
  uint64_t drops[48]; // by reason
} switch_image;

_Static_assert(sizeof(port_record) == 64 && sizeof(domain_record) == 64 && sizeof(tunnel_record) == 64, "layout");
_Static_assert(sizeof(remote_record) == 16 && sizeof(switch_image) == 512, "layout");

enum { UPLINK = 1, ACCESS = 2, TUNNEL = 3 };
enum { PORT_LEARNS = 1 };
/** ARP and ROUTES stand for work of which nothing is done here: frames of such a domain are handed back. */
enum { DOMAIN_LEARNS = 1, DOMAIN_DROPS_UNKNOWN = 2, DOMAIN_ARP = 4, DOMAIN_ROUTES = 8 };
enum { PRESENT = 1, STATIC = 2, BLACKHOLE = 4 };
enum { FLOOD = 1, PUNT = 2 };

// As in src/layout/drop.layout.ts.
enum {
  INNER_TAGGED = 18, SOURCE_GROUP = 21, SOURCE_ZERO = 22, VLAN_NOT_ALLOWED = 23, RESERVED_GROUP = 24, SOURCE_OWN = 25,
  SOURCE_STATIC = 26, BLACKHOLED = 27, SAME_PORT = 28, SPLIT_HORIZON = 29, UNKNOWN_UNICAST = 30, EXCEEDS_MTU = 32,
  UNKNOWN_REMOTE = 33
};

#endif
