// Packets of nested tunnels, right and wrong in every way, as fast-check makes them.
import fc from "fast-check";
import type { TunnelKind } from "frameferry";
import { type ComposeLayer, checksum, compose } from "frameferry/wire";
import { noise, tpid } from "./passengers.ts";
import type { PoisonedInput } from "./poisoned-batch.ts";
import { defaultPort, KINDS, overUdp } from "./tunnel-kinds.ts";

/** One tunnel around a frame. */
export interface Wrapping {
  readonly kind: TunnelKind;
  readonly tags: readonly number[];
  readonly ipv6: boolean;
  /** Extension headers of IPv6: type, and units of eight bytes beyond the first. */
  readonly extensions: readonly (readonly [number, number])[];
  readonly optionWords: number;
  readonly moreFragments: boolean;
  readonly fragmentOffset: number;
  /** Undefined: the right one. */
  readonly protocol: number | undefined;
  readonly port: number | undefined;
  /** VNI, VSID, or the key; GRE and NVGRE without one have no key. */
  readonly vni: number | undefined;
  /** Of Geneve's options: the type of each, and its length in words. */
  readonly options: readonly (readonly [type: number, words: number])[];
  readonly oam: boolean;
  readonly payloadType: number;
  readonly sequence: boolean;
  /** Of UDP or GRE. */
  readonly checksum: "none" | "right" | "wrong";
}

const rarely = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
const NUMBERS: Record<TunnelKind, readonly (number | undefined)[]> = {
  vxlan: [1, 1, 5, 0xffffff],
  geneve: [1, 1, 5, 0xffffff],
  gre: [1, 1, 5, 0xffffffff, undefined],
  "vxlan-gpe": [1, 1, 5, 0xffffff],
  nvgre: [1, 1, 1, 5, 5, 5, 0xffffff, undefined],
};
export const wrappingOf = (kind: TunnelKind): fc.Arbitrary<Wrapping> =>
  fc.record({
    kind: rarely(kind, ...KINDS),
    tags: fc.oneof(
      { weight: 5, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(tpid, { maxLength: 5 }) },
    ),
    ipv6: fc.boolean(),
    extensions: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(
          fc.tuple(rarely(60, 0, 43, 44), rarely(0, 1, 20, 25)) as fc.Arbitrary<[number, number]>,
          { minLength: 1, maxLength: 3 },
        ),
      },
    ),
    optionWords: rarely(0, 1, 5, 10),
    moreFragments: rarely(false, true),
    fragmentOffset: rarely(0, 8, 1480),
    protocol: rarely<number | undefined>(undefined, 6, 17, 44, 47),
    port: rarely<number | undefined>(undefined, 8472, 53),
    vni: fc.constantFrom(...NUMBERS[kind]),
    options: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      {
        weight: 2,
        arbitrary: fc.array(fc.tuple(rarely(0x01, 0x80, 0xff), fc.constantFrom(0, 1, 2, 3)), {
          minLength: 1,
          maxLength: 4,
        }),
      },
    ),
    oam: rarely(false, true),
    payloadType: rarely(0x6558, 0x0800, 0x86dd),
    sequence: rarely(false, true),
    checksum: fc.constantFrom(
      "none" as const,
      "none" as const,
      "right" as const,
      "right" as const,
      "wrong" as const,
    ),
  });

export function wrap(outer: Wrapping, passenger: Uint8Array): Uint8Array {
  const random = noise(64, passenger.length);
  const addresses = outer.ipv6
    ? { source: random.subarray(0, 16), destination: random.subarray(16, 32) }
    : { source: random.subarray(0, 4), destination: random.subarray(4, 8) };
  const protocol = outer.protocol === undefined ? {} : { protocol: outer.protocol };
  const layers: ComposeLayer[] = [
    { name: "ethernet", destination: random.subarray(40, 46), source: random.subarray(46, 52) },
    ...outer.tags.map((one): ComposeLayer => ({ name: "vlan", tpid: one, vid: 7 })),
    outer.ipv6
      ? { name: "ipv6", ...protocol, ...addresses, extensions: outer.extensions.map(extensionOf) }
      : {
          name: "ipv4",
          ...protocol,
          moreFragments: outer.moreFragments,
          fragmentOffset: outer.fragmentOffset,
          options: random.subarray(8, 8 + 4 * outer.optionWords),
          ...addresses,
        },
    ...tunnelOf(outer),
  ];
  const packet = compose(layers, passenger);
  if (outer.checksum === "wrong") {
    const tunnel = layers.length - (overUdp(outer.kind) ? 2 : 1);
    const at = compose(layers.slice(0, tunnel)).length;
    packet[at + (overUdp(outer.kind) ? 7 : 5)]! ^= 0x10;
  }
  return packet;
}

/** Of padding, which says nothing (RFC 8200 §4.2); a fragment header is always eight bytes long. */
function extensionOf([type, units]: readonly [number, number]): { type: number; bytes: Uint8Array } {
  const length = type === 44 ? 0 : units;
  const bytes = new Uint8Array(8 + 8 * length);
  bytes[1] = length;
  if (type === 0 || type === 60) bytes.set([1, 4], 2);
  return { type, bytes };
}

function tunnelOf(outer: Wrapping): ComposeLayer[] {
  const { kind, vni = 0, payloadType } = outer;
  if (kind === "gre" || kind === "nvgre") {
    // An NVGRE header has no checksum: what is always there would leave nothing else to be seen.
    const checksum = outer.checksum !== "none" && (kind === "gre" || outer.sequence);
    const key = kind === "nvgre" ? ((vni << 8) | 0x5a) >>> 0 : vni;
    return [
      {
        name: "gre",
        protocol: payloadType,
        checksum,
        ...(outer.vni === undefined ? {} : { key }),
        ...(outer.sequence ? { sequence: 77 } : {}),
      },
    ];
  }
  const number = vni & 0xffffff;
  const options = outer.options.map(([type, words]) => ({ class: 0x0102, type, data: noise(4 * words, 5) }));
  return [
    {
      name: "udp",
      destinationPort: outer.port ?? defaultPort(kind),
      sourcePort: 50000,
      ...(outer.checksum === "none" ? { checksum: 0 } : {}),
    },
    kind === "geneve"
      ? { name: "geneve", vni: number, options, oam: outer.oam, protocol: payloadType }
      : { name: "vxlan", vni: number, ...(kind === "vxlan-gpe" && { gpe: gpeOf(outer) }) },
  ];
}

/** Half of those that carry a frame do not say so. */
function gpeOf({ payloadType, oam, sequence, vni }: Wrapping) {
  const announced = payloadType !== 0x6558 || vni !== 1;
  const nextProtocol = payloadType === 0x6558 ? 3 : payloadType === 0x0800 ? 1 : 2;
  return { nextProtocol: announced ? nextProtocol : undefined, oam, bum: sequence };
}

export type Mutation =
  | { readonly kind: "none" }
  | { readonly kind: "flip"; readonly bits: readonly number[] }
  | { readonly kind: "cut"; readonly length: number; readonly known: boolean }
  | { readonly kind: "trailer"; readonly length: number }
  | { readonly kind: "bare"; readonly skip: number };
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ kind: "none" as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("flip" as const),
      bits: fc.array(fc.integer({ min: 0, max: 8 * 110 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("cut" as const),
      length: fc.integer({ min: 0, max: 200 }),
      known: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("trailer" as const), length: fc.integer({ min: 1, max: 60 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("bare" as const), skip: fc.constantFrom(34, 42, 54, 62) }),
  },
);

export function mutated(packet: Uint8Array, how: Mutation): PoisonedInput {
  if (how.kind === "cut") {
    const bytes = packet.slice(0, how.length);
    return how.known ? { bytes, wireLength: packet.length } : { bytes };
  }
  if (how.kind === "bare") return { bytes: packet.slice(how.skip) };
  if (how.kind === "trailer") {
    const bytes = new Uint8Array(packet.length + how.length);
    bytes.set(packet);
    return { bytes };
  }
  const bytes = packet.slice();
  if (how.kind === "flip")
    for (const bit of how.bits) if (bit >> 3 < bytes.length) bytes[bit >> 3]! ^= 1 << (bit & 7);
  // The header checksum is made right again half of the time: else nothing behind it would ever be looked at.
  if (how.kind === "flip" && how.bits[0]! % 2 === 0) rightHeaderChecksum(bytes);
  return { bytes };
}

/** Puts the outer IPv4 header's checksum right, if there is such a header right behind the MACs. */
export function rightHeaderChecksum(bytes: Uint8Array): void {
  if (bytes.length < 34 || bytes[12] !== 8 || bytes[13] !== 0) return;
  const end = 14 + 4 * (bytes[14]! & 15);
  if (end < 34 || end > bytes.length) return;
  bytes.fill(0, 24, 26);
  const sum = checksum(bytes, 14, end);
  bytes[24] = sum >>> 8;
  bytes[25] = sum & 0xff;
}
