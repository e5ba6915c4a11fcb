// Frames as nearly all of a capture's are: Ethernet, tags, IPv4 without options, UDP or TCP, VXLAN, as often as that may be.
// What is told of them is read straight out of their bytes, into arrays that are used again for each frame, which takes a
// fifth of the time of a dissection. Whatever is odd in the least is left to that.

import { ETHERNET_LENGTH, ETHERNET_TYPE, ETHERTYPE_IPV4 } from "../layout/ethernet.layout.ts";
import {
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  IPV4_PLAIN,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_VERSION_IHL,
} from "../layout/ipv4.layout.ts";
import { TCP_LENGTH, TCP_OFFSET_FLAGS } from "../layout/tcp.layout.ts";
import { UDP_DESTINATION_PORT, UDP_LENGTH, UDP_TOTAL_LENGTH } from "../layout/udp.layout.ts";
import { VLAN_HEADER_LENGTH, VLAN_HEADER_TYPE, VLAN_VID_MASK } from "../layout/vlan.layout.ts";
import { VXLAN_FLAG_VNI, VXLAN_FLAGS, VXLAN_LENGTH, VXLAN_VNI } from "../layout/vxlan.layout.ts";
import { readingsByPort } from "../packet/tunnel-layers.ts";
import { isTpid, type TunnelPorts } from "../wire.ts";

/** More than that is no usual frame. */
const DEEPEST = 8;
const TAGS_MAXIMUM = 16;

/** Layers that frames began with, as texts, and what came behind them. */
export class Stack {
  /** `ethernet/ipv4/udp` */
  readonly text: string;
  /** `"ethernet","ipv4","udp"` */
  readonly json: string;
  readonly #inner: Map<string, Stack> = new Map();

  constructor(text = "", json = "") {
    this.text = text;
    this.json = json;
  }

  behind(name: string): Stack {
    let inner = this.#inner.get(name);
    if (inner === undefined) {
      inner =
        this.text === ""
          ? new Stack(name, `"${name}"`)
          : new Stack(`${this.text}/${name}`, `${this.json},"${name}"`);
      this.#inner.set(name, inner);
    }
    return inner;
  }
}

export class PlainFrame {
  readonly #vxlan: ReadonlySet<number>;
  readonly #others: ReadonlySet<number>;
  readonly #nothing: Stack = new Stack();
  stack: Stack = this.#nothing;
  /** How many IP headers there are, outermost first. */
  ips = 0;
  /** Addresses as numbers, in network order. */
  readonly sources: Uint32Array = new Uint32Array(DEEPEST);
  readonly destinations: Uint32Array = new Uint32Array(DEEPEST);
  readonly sourcePorts: Uint16Array = new Uint16Array(DEEPEST);
  readonly destinationPorts: Uint16Array = new Uint16Array(DEEPEST);
  vnis = 0;
  readonly vni: Uint32Array = new Uint32Array(DEEPEST);
  vlans = 0;
  readonly vlan: Uint16Array = new Uint16Array(TAGS_MAXIMUM);
  /** Whether a tag stands in front of the first VNI. */
  tagFirst = false;

  constructor(ports: TunnelPorts = {}) {
    const vxlan = new Set<number>();
    const others = new Set<number>();
    for (const [port, { name, reading }] of readingsByPort(ports))
      (name === "vxlan" && reading !== "gpe" ? vxlan : others).add(port);
    this.#vxlan = vxlan;
    this.#others = others;
  }

  /** Reads a whole Ethernet frame, nothing of which was cut; false if it is not a usual one. */
  read(bytes: Uint8Array): boolean {
    let at = 0;
    let end = bytes.length;
    let stack = this.#nothing;
    this.ips = 0;
    this.vnis = 0;
    this.vlans = 0;
    this.tagFirst = false;
    for (;;) {
      if (end - at < ETHERNET_LENGTH || this.ips === DEEPEST) return false;
      stack = stack.behind("ethernet");
      let type = half(bytes, at + ETHERNET_TYPE);
      at += ETHERNET_LENGTH;
      while (isTpid(type)) {
        if (end - at < VLAN_HEADER_LENGTH || this.vlans === TAGS_MAXIMUM) return false;
        stack = stack.behind("vlan");
        if (this.vnis === 0) this.tagFirst = true;
        this.vlan[this.vlans++] = half(bytes, at) & VLAN_VID_MASK;
        type = half(bytes, at + VLAN_HEADER_TYPE);
        at += VLAN_HEADER_LENGTH;
      }
      if (type !== ETHERTYPE_IPV4 || end - at < IPV4_LENGTH) return false;
      if (bytes[at + IPV4_VERSION_IHL] !== IPV4_PLAIN) return false;
      const total = half(bytes, at + IPV4_TOTAL_LENGTH);
      if (total < IPV4_LENGTH || total > end - at) return false;
      if ((half(bytes, at + IPV4_FRAGMENT) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) !== 0) return false;
      end = at + total;
      const ip = this.ips++;
      const protocol = bytes[at + IPV4_PROTOCOL];
      this.sources[ip] = word(bytes, at + IPV4_SOURCE);
      this.destinations[ip] = word(bytes, at + IPV4_DESTINATION);
      stack = stack.behind("ipv4");
      at += IPV4_LENGTH;
      if (end - at < UDP_LENGTH) return false;
      // UDP's ports stand where TCP's do.
      const port = half(bytes, at + UDP_DESTINATION_PORT);
      this.sourcePorts[ip] = half(bytes, at);
      this.destinationPorts[ip] = port;
      if (protocol === IP_PROTOCOL_TCP) {
        if (end - at < TCP_LENGTH) return false;
        const length = (bytes[at + TCP_OFFSET_FLAGS]! >>> 4) * 4;
        if (length < TCP_LENGTH || length > end - at) return false;
        at += length;
        stack = stack.behind("tcp");
        break;
      }
      if (protocol !== IP_PROTOCOL_UDP) return false;
      const length = half(bytes, at + UDP_TOTAL_LENGTH);
      if (length < UDP_LENGTH || length > end - at) return false;
      end = at + length;
      at += UDP_LENGTH;
      stack = stack.behind("udp");
      if (!this.#vxlan.has(port)) {
        if (this.#others.has(port)) return false;
        break;
      }
      if (end - at < VXLAN_LENGTH || bytes[at + VXLAN_FLAGS] !== VXLAN_FLAG_VNI) return false;
      this.vni[this.vnis++] = word(bytes, at + VXLAN_VNI) >>> 8;
      stack = stack.behind("vxlan");
      at += VXLAN_LENGTH;
    }
    this.stack = end > at ? stack.behind("payload") : stack;
    return true;
  }
}

function half(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function word(bytes: Uint8Array, at: number): number {
  return ((half(bytes, at) << 16) | half(bytes, at + 2)) >>> 0;
}
