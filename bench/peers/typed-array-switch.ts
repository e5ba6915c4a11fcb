// The switch's complete path in JavaScript, as fast as JavaScript was made to do it: the work of bench/native/switch.c
// on the same memory, in three passes a burst, without allocation. The FDB is that of typed-array-fdb.ts, its probes
// written into the loops; counters are doubles, which are exact up to 2^53.

import {
  DROP_BLACKHOLE,
  DROP_EXCEEDS_MTU,
  DROP_FRAME_TOO_LONG,
  DROP_NO_HEADROOM,
  DROP_NOT_TUNNEL,
  DROP_OTHER_VNI,
  DROP_SAME_PORT,
  DROP_SPLIT_HORIZON,
  DROP_UNKNOWN_REMOTE,
  DROP_UNKNOWN_UNICAST,
} from "../../src/layout/drop.layout.ts";
import * as fdb from "../../src/layout/fdb.layout.ts";
import { flowHash } from "../../src/wire/flow-hash.ts";
import * as layout from "../switch-image.ts";
import { decapsulateAny, isTag } from "./any-packet.ts";
import { SwitchTables } from "./switch-tables.ts";

// What the loops need is a constant of this module: V8 reads imported ones from memory each time they are used.
// Out and back took 48 and 44 ns a frame with imported constants, and 37 and 37 with these (1,000 stations a side).
const { PORT_FLAGS, PORT_MTU, PORT_TUNNEL, DOMAIN_FLAGS, DROPS_UNKNOWN, UPLINK, TUNNEL } = layout;
const { SWITCH_OUT, SWITCH_OUT_COUNT, SWITCH_TUNNELS, TUNNEL_LENGTH, TUNNEL_IP_SUM } = layout;
const { VALUE_BLACKHOLE, VALUE_PRESENT } = fdb;

// Words of a descriptor.
const OFFSET = 0;
const LENGTH = 1;
const WIRE = 2;
const FLOOR = 3;
const VERDICT = 4;
const VNI = 5;
const HASH = 6;
const MARK = 7;
const WORDS = 8;

// Counters of a port and of a bridge domain: eight doubles each.
const [RECEIVED, BYTES_IN, SENT] = [0, 1, 3];

export interface TypedArraySwitch {
  /** Copies an image in to work on. */
  load(image: Uint8Array): void;
  /** Works through the descriptors `first` .. `first + count`, at most 256. What is returned means nothing. */
  forward(first: number, count: number): number;
  /** Puts a burst's descriptors back and gives its frames, `macs` bytes behind their beginning, the next drawn MACs. */
  renew(burst: number, macs: number): void;
  /** Puts all descriptors back and empties the list of what left. */
  restore(): void;
  tick(): void;
  /** A copy of the image as it is now. */
  image(): Uint8Array<ArrayBuffer>;
}

const BURST = 256;
const OUTER_LENGTH = 50;
const WIRE_MAXIMUM = 65535 - 36;
const FLOOD = 1;
const K1 = 0x9e3779b1;
const K2 = 0x85ebca77;
const K3 = 0xc2b2ae3d;
const K4 = 0x27d4eb2f;

let only: TypedArraySwitch | undefined;

/** The one there is: a second set of closures would be slower, see typed-array.ts. */
export function typedArraySwitch(): TypedArraySwitch {
  return (only ??= makeSwitch());
}

function makeSwitch(): TypedArraySwitch {
  const tables = new SwitchTables();
  const { view, bytes, words, slots, portCounts, domainCounts } = tables;
  const todo = new Int32Array(WORDS * BURST);
  /** Four words each: address, VNI, port and bridge domain, whether there is one. */
  const remotes = new Int32Array(4 * 1024);
  const drawn = [0, 0];
  let touched = 0;
  let mask = 0;
  let shift = 0;
  let seed = 0;

  function home(low: number, high: number): number {
    let hash = Math.imul(low ^ seed, K1);
    hash = Math.imul(((hash ^ (hash >>> 15)) + high) | 0, K2);
    return (Math.imul(hash ^ (hash >>> 13), K3) >>> shift) << 2;
  }

  /** Where the key stands from slot `at` on, or the complement of the free place behind. */
  function find(low: number, high: number, at: number): number {
    for (;;) {
      const there = slots[at]!;
      const above = slots[at + 1]!;
      if (there === low && above === high) return at;
      if ((there | above) === 0) return ~at;
      at = (at + 4) & mask;
    }
  }

  /** The first of the remote's words, or -1. */
  function findRemote(address: number, vni: number): number {
    for (let at = remoteHome(address, vni); remotes[at + 3] !== 0; at = (at + 4) & (remotes.length - 1)) {
      if (remotes[at] === address && remotes[at + 1] === vni) return at;
    }
    return -1;
  }

  function remoteHome(address: number, vni: number): number {
    return (Math.imul(Math.imul(address, K1) + vni, K2) >>> 22) << 2;
  }

  /** Decapsulates a packet of the underlay; the remote's place, or -1 if it was dropped. */
  function letIn(d: number, port: number, local: number): number {
    const packet = words[d + OFFSET]!;
    const present = words[d + LENGTH]!;
    const wire = words[d + WIRE]!;
    let address = 0;
    let to = ~local;
    let reason = 0;
    if (present >= OUTER_LENGTH + 14 && (view.getInt32(packet + 12, true) & 0xffffff) === 0x450008) {
      const w0 = view.getInt32(packet + 14, true);
      const w1 = view.getInt32(packet + 18, true);
      const w2 = view.getInt32(packet + 22, true);
      const w3 = view.getInt32(packet + 26, true);
      const w4 = view.getInt32(packet + 30, true);
      let sum = (w0 & 0xffff) + (w0 >>> 16) + (w1 & 0xffff) + (w1 >>> 16) + (w2 & 0xffff);
      sum += (w2 >>> 16) + (w3 & 0xffff) + (w3 >>> 16) + (w4 & 0xffff) + (w4 >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      const total = view.getUint16(packet + 16);
      const udpLength = view.getUint16(packet + 38);
      if (
        (((sum & 0xffff) + (sum >>> 16)) & 0xffff) === 0xffff &&
        (w1 & 0xff3f0000) === 0 &&
        (w2 & 0xff00) === 0x1100 &&
        view.getUint16(packet + 36, true) === port &&
        total + 14 <= wire &&
        udpLength + 20 <= total &&
        udpLength >= 30 &&
        (bytes[packet + 42]! & 8) !== 0
      ) {
        const there = present - OUTER_LENGTH;
        const inner = udpLength - 16;
        words[d + OFFSET] = packet + OUTER_LENGTH;
        words[d + LENGTH] = there < inner ? there : inner;
        words[d + WIRE] = inner;
        words[d + VNI] = view.getInt32(packet + 46) >>> 8;
        address = w3;
        to = w4;
      } else reason = -1;
    } else reason = -1;
    if (reason !== 0) {
      reason = decapsulateAny(view, words, d, port, -1);
      if (reason < 0) {
        address = view.getInt32(12 - reason, true);
        to = view.getInt32(16 - reason, true);
        reason = 0;
      }
    }
    if (reason === 0) {
      if (to === local) {
        const at = findRemote(address, words[d + VNI]!);
        if (at >= 0) return at;
        reason = DROP_OTHER_VNI;
        for (let i = 1; i < words[layout.SWITCH_DOMAIN_COUNT]!; i++) {
          const n = (words[layout.SWITCH_DOMAINS]! + i * layout.DOMAIN_LENGTH) >>> 2;
          if (words[n + layout.DOMAIN_VNI] === words[d + VNI]) reason = DROP_UNKNOWN_REMOTE;
        }
      } else reason = DROP_NOT_TUNNEL;
    }
    portCounts[RECEIVED] = portCounts[RECEIVED]! + 1;
    portCounts[BYTES_IN] = portCounts[BYTES_IN]! + wire;
    tables.drop(d, reason, 0, 0);
    return -1;
  }

  function passOne(first: number, count: number): number {
    const ports = words[layout.SWITCH_PORTS]! >>> 2;
    const portCount = words[layout.SWITCH_PORT_COUNT]!;
    const local = words[layout.SWITCH_LOCAL]!;
    const udpPort = words[layout.SWITCH_UDP_PORT]!;
    let t = 0;
    let read = 0;
    for (let d = first, end = first + count * WORDS; d < end; d += WORDS) {
      let port = words[d + MARK]!;
      if ((words[d + VERDICT]! & 0xff) !== 0 || port >>> 0 >= portCount) continue;
      const record = words[ports + (port << 4)]!;
      let domain = record >>> 16;
      let kind = record & 0xff;
      if (kind === UPLINK) {
        const remote = letIn(d, udpPort, local);
        if (remote < 0) continue;
        const joined = remotes[remote + 2]!;
        port = joined & 0xffff;
        domain = joined >>> 16;
        kind = TUNNEL;
      }
      let frame = words[d + OFFSET]!;
      const present = words[d + LENGTH]!;
      const p = port << 3;
      portCounts[p] = portCounts[p]! + 1;
      portCounts[p + BYTES_IN] = portCounts[p + BYTES_IN]! + words[d + WIRE]!;
      let a = view.getInt32(frame, true);
      let b = view.getInt32(frame + 4, true);
      const c = view.getInt32(frame + 8, true);
      const source = (b >>> 16) | (c << 16);
      const sourceHigh = c >>> 16;
      const type = view.getUint16(frame + 12);
      if (((a | source) & 1) !== 0 || (source | sourceHigh) === 0 || present < 14 || isTag(type)) {
        if (!tables.classifyAny(d, port, domain, kind === TUNNEL)) continue;
        frame = words[d + OFFSET]!;
        a = view.getInt32(frame, true);
        b = view.getInt32(frame + 4, true);
      } else {
        const n = domain << 3;
        domainCounts[n] = domainCounts[n]! + 1;
      }
      const above = domain << 16;
      const sourceHome = home(source, sourceHigh | above);
      const high = (b & 0xffff) | above;
      const destinationHome = home(a, high);
      todo[t] = d;
      todo[t + 1] = port;
      todo[t + 2] = source;
      todo[t + 3] = sourceHigh | above;
      todo[t + 4] = a;
      todo[t + 5] = high;
      todo[t + 6] = sourceHome;
      todo[t + 7] = destinationHome;
      t += WORDS;
    }
    // A loop of its own, so that many misses are under way at once: 20 ns a frame with 64,000 stations a side.
    for (let i = 0; i < t; i += WORDS) read |= slots[todo[i + 6]!]! | slots[todo[i + 7]!]!;
    touched = read;
    return t;
  }

  function passTwo(todos: number): void {
    const ports = words[layout.SWITCH_PORTS]! >>> 2;
    const domains = words[layout.SWITCH_DOMAINS]! >>> 2;
    const present = VALUE_PRESENT | (words[layout.SWITCH_SECONDS]! << 8);
    let out = (words[SWITCH_OUT]! >>> 2) + words[SWITCH_OUT_COUNT]!;
    for (let t = 0; t < todos; t += WORDS) {
      const d = todo[t]!;
      const port = todo[t + 1]!;
      const high = todo[t + 5]!;
      const domain = high >>> 16;
      const ingress = ports + (port << 4);
      const n = domains + (domain << 4);
      if ((words[ingress + PORT_FLAGS]! & words[n + DOMAIN_FLAGS]! & 1) !== 0) {
        const at = find(todo[t + 2]!, todo[t + 3]!, todo[t + 6]!);
        if (at < 0 || slots[at + 2] !== port || slots[at + 3] !== present) {
          const reason = tables.learn(todo[t + 2]!, todo[t + 3]!, port, at, present);
          if (reason !== 0) {
            tables.drop(d, reason, port, domain);
            continue;
          }
        }
      }
      const at = find(todo[t + 4]!, high, todo[t + 7]!);
      if (at < 0 || (slots[at + 3]! & VALUE_BLACKHOLE) !== 0) {
        if (at >= 0) tables.drop(d, DROP_BLACKHOLE, port, domain);
        else if ((todo[t + 4]! & 1) !== 0 || (words[n + DOMAIN_FLAGS]! & DROPS_UNKNOWN) === 0)
          words[d + VERDICT] = FLOOD;
        else tables.drop(d, DROP_UNKNOWN_UNICAST, port, domain);
        continue;
      }
      const to = slots[at + 2]!;
      const egress = ports + (to << 4);
      const target = words[egress]!;
      let wire = words[d + WIRE]!;
      const group = words[ingress]! & 0xff00;
      const apart = group === 0 || group !== (target & 0xff00);
      if (to === port || !apart || wire - 14 > words[egress + PORT_MTU]! >>> 0) {
        tables.drop(
          d,
          to === port ? DROP_SAME_PORT : apart ? DROP_EXCEEDS_MTU : DROP_SPLIT_HORIZON,
          port,
          domain,
        );
        continue;
      }
      if ((target & 0xff) === TUNNEL) {
        if (wire > WIRE_MAXIMUM || words[d + OFFSET]! - OUTER_LENGTH < words[d + FLOOR]!) {
          tables.drop(d, wire > WIRE_MAXIMUM ? DROP_FRAME_TOO_LONG : DROP_NO_HEADROOM, port, domain);
          continue;
        }
        encapsulate(d, words[egress + PORT_TUNNEL]!, words[n]!, wire);
        wire += OUTER_LENGTH;
      } else words[d + MARK] = to;
      const p = (to << 3) + SENT;
      portCounts[p] = portCounts[p]! + 1;
      portCounts[p + 1] = portCounts[p + 1]! + wire;
      const counted = (domain << 3) + SENT;
      domainCounts[counted] = domainCounts[counted]! + 1;
      words[out++] = d << 2;
    }
    words[SWITCH_OUT_COUNT] = out - (words[SWITCH_OUT]! >>> 2);
  }

  function encapsulate(d: number, tunnel: number, vni: number, wire: number): void {
    const template = words[SWITCH_TUNNELS]! + tunnel * TUNNEL_LENGTH;
    const frame = words[d + OFFSET]!;
    const present = words[d + LENGTH]!;
    const hash = hashOf(frame, present);
    const at = frame - OUTER_LENGTH;
    const total = wire + 36;
    const sum = words[(template >>> 2) + TUNNEL_IP_SUM]! + (((total & 0xff) << 8) | (total >>> 8));
    view.setFloat64(at, view.getFloat64(template, true), true);
    view.setFloat64(at + 8, view.getFloat64(template + 8, true), true);
    view.setFloat64(at + 16, view.getFloat64(template + 16, true), true);
    view.setFloat64(at + 24, view.getFloat64(template + 24, true), true);
    view.setFloat64(at + 32, view.getFloat64(template + 32, true), true);
    view.setFloat64(at + 40, view.getFloat64(template + 40, true), true);
    view.setInt32(at + 46, vni << 8);
    view.setInt16(at + 16, total);
    view.setInt16(at + 24, ~((sum & 0xffff) + (sum >>> 16)), true);
    view.setInt16(at + 34, 49152 + (hash >>> 18));
    view.setInt16(at + 38, wire + 16);
    words[d + OFFSET] = at;
    words[d + LENGTH] = present + OUTER_LENGTH;
    words[d + WIRE] = wire + OUTER_LENGTH;
    words[d + HASH] = hash;
    words[d + VNI] = -1;
    words[d + MARK] = 0;
  }

  function hashOf(at: number, present: number): number {
    if (
      present < 38 ||
      (view.getInt32(at + 12, true) & 0xffffff) !== 0x450008 ||
      (view.getUint16(at + 20, true) & 0xff3f) !== 0
    )
      return flowHash(bytes.subarray(at, at + present));
    const protocol = bytes[at + 23]!;
    const ports = protocol === 6 || protocol === 17 || protocol === 132 ? view.getInt32(at + 34, true) : 0;
    let hash = Math.imul(view.getInt32(at + 26, true), K1) + Math.imul(view.getInt32(at + 30, true), K2);
    hash = (hash + Math.imul(ports, K3) + Math.imul(protocol, K4)) | 0;
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x2c1b3c6d);
    return hash ^ (hash >>> 12);
  }

  function load(image: Uint8Array): void {
    let bits = 4;
    const header = new DataView(image.buffer, image.byteOffset);
    const capacity = header.getUint32(layout.SWITCH_CAPACITY * 4, true);
    while (2 ** bits < capacity * 4) bits++;
    mask = 4 * 2 ** bits - 1;
    shift = 32 - bits;
    seed = header.getInt32(layout.SWITCH_FDB_SEED * 4, true);
    tables.load(image, (entry) => slots.set(entry, ~find(entry[0]!, entry[1]!, home(entry[0]!, entry[1]!))));
    drawn.fill(0);
    remotes.fill(0);
    const first = words[layout.SWITCH_REMOTES]! >>> 2;
    for (let i = 0, r = first; i < words[layout.SWITCH_REMOTE_COUNT]!; i++, r += 4) {
      let at = remoteHome(words[r]!, words[r + 1]!);
      while (remotes[at + 3] !== 0) at = (at + 4) & (remotes.length - 1);
      remotes.set([words[r]!, words[r + 1]!, words[r + 2]!, 1], at);
    }
  }

  function renew(burst: number, macs: number): void {
    const count = words[layout.SWITCH_BURST]!;
    const table = words[layout.SWITCH_DESCRIPTORS]! >>> 2;
    const draws = words[layout.SWITCH_DRAW_COUNT]!;
    const first = burst * count * WORDS;
    words.set(tables.fresh.subarray(first, first + count * WORDS), table + first);
    words[SWITCH_OUT_COUNT] = 0;
    if (drawn[burst]! + count > draws) drawn[burst] = 0;
    let at = words[layout.SWITCH_DRAWS]! + (burst * draws + drawn[burst]!) * 12;
    for (let i = 0, d = table + first; i < count; i++, d += WORDS, at += 12) {
      const to = words[d + OFFSET]! + macs;
      view.setInt32(to, view.getInt32(at));
      view.setInt32(to + 4, view.getInt32(at + 4));
      view.setInt32(to + 8, view.getInt32(at + 8));
    }
    drawn[burst] = drawn[burst]! + count;
  }

  return {
    load,
    forward: (first, count) => {
      passTwo(passOne((words[layout.SWITCH_DESCRIPTORS]! >>> 2) + first * WORDS, count));
      return touched;
    },
    renew,
    restore: () => {
      words.set(tables.fresh, words[layout.SWITCH_DESCRIPTORS]! >>> 2);
      words[SWITCH_OUT_COUNT] = 0;
    },
    tick: () => {
      words[layout.SWITCH_SECONDS] = words[layout.SWITCH_SECONDS]! + 1;
    },
    image: () => tables.image(),
  };
}
