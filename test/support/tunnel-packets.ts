// Packets of nested tunnels, right and wrong in every way, as fast-check makes them.
import fc from "fast-check";
import { type ComposeLayer, checksum, compose } from "frameferry/wire";
import { noise, tpid } from "./passengers.ts";
import type { PoisonedInput } from "./poisoned-batch.ts";

/** One VXLAN wrapping. */
export interface Wrapping {
  readonly tags: readonly number[];
  readonly ipv6: boolean;
  readonly optionWords: number;
  readonly moreFragments: boolean;
  readonly fragmentOffset: number;
  readonly protocol: number;
  readonly port: number;
  readonly vni: number;
  readonly checksum: "none" | "right" | "wrong";
}

const rarely = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
export const wrapping: fc.Arbitrary<Wrapping> = fc.record({
  tags: fc.oneof(
    { weight: 5, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(tpid, { maxLength: 5 }) },
  ),
  ipv6: fc.boolean(),
  optionWords: rarely(0, 1, 5, 10),
  moreFragments: rarely(false, true),
  fragmentOffset: rarely(0, 8, 1480),
  protocol: rarely(17, 6, 44),
  port: rarely(4789, 8472, 53),
  vni: fc.constantFrom(1, 1, 5, 0xffffff),
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
  const layers: ComposeLayer[] = [
    { name: "ethernet", destination: random.subarray(40, 46), source: random.subarray(46, 52) },
    ...outer.tags.map((one): ComposeLayer => ({ name: "vlan", tpid: one, vid: 7 })),
    outer.ipv6
      ? { name: "ipv6", protocol: outer.protocol, ...addresses }
      : {
          name: "ipv4",
          protocol: outer.protocol,
          moreFragments: outer.moreFragments,
          fragmentOffset: outer.fragmentOffset,
          options: random.subarray(8, 8 + 4 * outer.optionWords),
          ...addresses,
        },
    {
      name: "udp",
      destinationPort: outer.port,
      sourcePort: 50000,
      ...(outer.checksum === "none" ? { checksum: 0 } : {}),
    },
    { name: "vxlan", vni: outer.vni },
  ];
  const packet = compose(layers, passenger);
  if (outer.checksum === "wrong") packet[packet.length - passenger.length - 10]! ^= 0x10;
  return packet;
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
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("bare" as const), skip: fc.constantFrom(42, 62) }) },
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
