// What becomes of the fragments of a capture, written anew and as plainly as can be: frame by frame, with arrays and a map.

/** A record of a capture. */
export interface Seen {
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly data: Uint8Array;
  /** Length on the wire. */
  readonly wire: number;
}

/** What a capture of VXLAN on Ethernet comes to. */
export interface Outcome {
  readonly written: readonly Seen[];
  readonly drops: Readonly<Record<string, number>>;
  readonly joined: number;
  readonly reassembled: number;
}

interface Fragment {
  readonly seen: Seen;
  readonly key: string;
  readonly ipv6: boolean;
  readonly packetAt: number;
  /** Bytes of IP header that stay in the datagram. */
  readonly headers: number;
  readonly offset: number;
  readonly length: number;
  readonly more: boolean;
  readonly payload: Uint8Array;
  readonly isCut: boolean;
  readonly sumIsGood: boolean;
}

interface Datagram {
  readonly begun: bigint;
  readonly ipv6: boolean;
  readonly all: Fragment[];
  /** Those that are not there twice. */
  readonly placed: Fragment[];
  end: number | undefined;
  refused: string | undefined;
}

const VXLAN = 4789;

/** IPv4 and IPv6 over Ethernet, with one tag or none and at most one extension header of eight bytes. */
function open({ data }: Seen): { at: number; type: number; view: DataView } {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const tagged = view.getUint16(12) === 0x8100;
  return { at: tagged ? 18 : 14, type: view.getUint16(tagged ? 16 : 12), view };
}

/** Of a packet that is no fragment. */
function payloadAt(seen: Seen): number {
  const { at, type, view } = open(seen);
  if (type === 0x0800) return at + 20;
  let payload = at + 40;
  for (let next = view.getUint8(at + 6); next !== 17; payload += 8) next = view.getUint8(payload);
  return payload;
}

function fragmentOf(seen: Seen): Fragment | undefined {
  const { at, type, view } = open(seen);
  const { data } = seen;
  const ipv6 = type === 0x86dd;
  let behind = 0;
  let headers = 20;
  let key = "";
  let field = 0;
  let length = 0;
  let sumIsGood = true;
  if (ipv6) {
    headers = 40;
    let next = view.getUint8(at + 6);
    if (next === 0) {
      next = view.getUint8(at + 40);
      headers = 48;
    }
    if (next !== 44) return undefined;
    behind = at + headers + 8;
    const word = view.getUint16(behind - 6);
    field = (word & 0xfff8) | (word & 1);
    key = `${data.subarray(at + 8, at + 40)} ${view.getUint32(behind - 4)}`;
    length = view.getUint16(at + 4) - (behind - at - 40);
  } else {
    behind = at + 20;
    const word = view.getUint16(at + 6);
    field = ((word & 0x1fff) << 3) | ((word >>> 13) & 1);
    key = `${data.subarray(at + 12, at + 20)} ${view.getUint16(at + 4)} ${view.getUint8(at + 9)}`;
    length = view.getUint16(at + 2) - 20;
    let sum = 0;
    for (let i = at; i < behind; i += 2) sum += view.getUint16(i);
    sumIsGood = sum % 0xffff === 0;
  }
  if (field === 0) return undefined;
  const payload = data.subarray(behind, behind + Math.max(0, length));
  return {
    seen,
    key,
    ipv6,
    packetAt: at,
    headers,
    offset: field & ~7,
    length,
    more: (field & 1) === 1,
    payload,
    isCut: payload.length < length,
    sumIsGood,
  };
}

/** Why a fragment cannot be one of the datagram. */
function misfit({ all, placed, end }: Datagram, one: Fragment): string | undefined {
  const last = one.offset + one.length;
  if (!one.sumIsGood) return "outer-ip-checksum";
  if (one.length <= 0 || (one.more && one.length % 8 !== 0) || last > 65535) return "fragment-invalid";
  if (one.isCut) return "fragment-cropped";
  if (all.length === 8192) return "fragment-table-full";
  if (end !== undefined && (one.more ? last >= end : last !== end)) return "fragment-invalid";
  if (!one.more && placed.some(({ offset, length }) => offset + length > last)) return "fragment-invalid";
  const met = placed.filter(({ offset, length }) => offset < last && one.offset < offset + length);
  return met.every((other) => isSame(other, one)) ? undefined : "fragment-overlap";
}

function isSame(a: Fragment, b: Fragment): boolean {
  return (
    a.offset === b.offset && a.length === b.length && a.payload.every((byte, i) => byte === b.payload[i])
  );
}

/** A frame out of the tunnel, if the UDP datagram is one of it; or why there is none though it is. */
function passenger(udp: Uint8Array): Uint8Array | string | undefined {
  const half = (at: number): number => ((udp[at] ?? 0) << 8) + (udp[at + 1] ?? 0);
  if (half(2) !== VXLAN) return undefined;
  // Parts of several packets with one identification make none that any of them was.
  return half(4) > udp.length ? "udp-length" : udp.subarray(16, half(4));
}

/** What `decapsulate` of VXLAN makes of the records, in this order. */
export function reassemble(records: readonly Seen[], keep: boolean): Outcome {
  const written: Seen[] = [];
  const drops: Record<string, number> = {};
  const waiting = new Map<string, Datagram>();
  let joined = 0;
  let reassembled = 0;

  const refuse = (reason: string, ...seen: readonly Seen[]): void => {
    if (keep) written.push(...seen);
    else if (seen.length > 0) drops[reason] = (drops[reason] ?? 0) + seen.length;
  };
  const goOn = (time: bigint, inner: Uint8Array | string): void => {
    if (typeof inner === "string") drops[inner] = (drops[inner] ?? 0) + 1;
    else written.push({ time, data: inner, wire: inner.length });
  };
  const giveUp = (key: string, reason: string, isForgotten: boolean): void => {
    const datagram = waiting.get(key)!;
    refuse(reason, ...datagram.all.map(({ seen }) => seen));
    datagram.all.length = 0;
    datagram.refused = reason;
    if (isForgotten) waiting.delete(key);
  };
  const isOver = (key: string, now: bigint): boolean => {
    const datagram = waiting.get(key);
    if (datagram === undefined) return false;
    return now - datagram.begun > (datagram.ipv6 ? 60n : 30n) * 1_000_000_000n;
  };

  for (const seen of records) {
    const one = fragmentOf(seen);
    if (one === undefined) {
      const inner = passenger(seen.data.subarray(payloadAt(seen)));
      if (inner === undefined) refuse("not-tunnel", seen);
      else goOn(seen.time, inner);
      continue;
    }
    const { key } = one;
    if (isOver(key, seen.time)) giveUp(key, "fragment-incomplete", true);
    for (const oldest of waiting.keys()) {
      if (!isOver(oldest, seen.time)) break;
      giveUp(oldest, "fragment-incomplete", true);
    }
    const datagram: Datagram = waiting.get(key) ?? {
      begun: seen.time,
      ipv6: one.ipv6,
      all: [],
      placed: [],
      end: undefined,
      refused: undefined,
    };
    waiting.set(key, datagram);
    const reason = datagram.refused ?? misfit(datagram, one);
    if (reason !== undefined) {
      if (datagram.refused === undefined) giveUp(key, reason, false);
      refuse(reason, seen);
      continue;
    }
    datagram.all.push(one);
    if (!datagram.placed.some((other) => isSame(other, one))) {
      datagram.placed.push(one);
      if (!one.more) datagram.end = one.offset + one.length;
    }
    const there = datagram.placed.reduce((sum, { length }) => sum + length, 0);
    if (there !== datagram.end) continue;
    const sorted = datagram.placed.sort((a, b) => a.offset - b.offset);
    const headers = sorted[0]!.headers - (one.ipv6 ? 40 : 0);
    const inner = passenger(new Uint8Array(sorted.flatMap(({ payload }) => [...payload])));
    if (headers + there > 65535) giveUp(key, "fragment-invalid", false);
    else if (inner === undefined) giveUp(key, "not-tunnel", true);
    else {
      joined += datagram.all.length - 1;
      reassembled++;
      waiting.delete(key);
      goOn(seen.time, inner);
    }
  }
  for (const key of [...waiting.keys()]) giveUp(key, "fragment-incomplete", true);
  return { written, drops, joined, reassembled };
}
