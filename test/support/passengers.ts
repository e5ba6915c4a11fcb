// Inner frames of every kind and length, as fast-check makes them: from recipes, so that a failing one can be read.
import fc from "fast-check";
import { type ComposeLayer, compose } from "frameferry/wire";

const KINDS = ["ipv4", "ipv4-options", "ipv4-fragment", "ipv6", "arp", "llc", "other", "garbage"] as const;
export type PassengerKind = (typeof KINDS)[number];

export interface PassengerRecipe {
  readonly kind: PassengerKind;
  /** TPIDs, outermost first. */
  readonly tags: readonly number[];
  readonly protocol: number;
  readonly seed: number;
  /** Bytes of the whole frame: headers are cut where it is shorter. */
  readonly length: number;
}

const EDGES = [14, 15, 17, 18, 33, 34, 37, 38, 41, 42, 53, 54, 57, 58, 63, 64, 65, 1500, 1514];
/** Around the longest passengers of each outer header, and of the slots. */
const LONG_EDGES = [65445, 65455, 65463, 65475, 65479, 65485, 65495, 65499, 65500, 65531, 65535];

export const tpid: fc.Arbitrary<number> = fc.constantFrom(0x8100, 0x88a8, 0x9100);

function passengersOf(length: fc.Arbitrary<number>): fc.Arbitrary<PassengerRecipe> {
  return fc.record({
    kind: fc.constantFrom(...KINDS),
    tags: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(tpid, { maxLength: 4 }) },
    ),
    protocol: fc.constantFrom(6, 17, 132, 1, 47, 253),
    seed: fc.integer({ min: 1, max: 0xffff }),
    length,
  });
}

/** Passengers of 14 to 1,600 bytes. */
export const passengerRecipe: fc.Arbitrary<PassengerRecipe> = passengersOf(
  fc.oneof(fc.constantFrom(...EDGES), fc.integer({ min: 14, max: 160 }), fc.integer({ min: 14, max: 1600 })),
);

/** Passengers near the longest there can be. */
export const longPassengerRecipe: fc.Arbitrary<PassengerRecipe> = passengersOf(
  fc.oneof(fc.constantFrom(...LONG_EDGES), fc.integer({ min: 65400, max: 65535 })),
);

/** Bytes that look random and are the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state >>> 8;
  }
  return bytes;
}

export function cook({ kind, tags, protocol, seed, length }: PassengerRecipe): Uint8Array {
  if (kind === "garbage") return noise(length, seed);
  const random = noise(64, seed);
  const layers: ComposeLayer[] = [
    { name: "ethernet", destination: random.subarray(0, 6), source: random.subarray(6, 12) },
    ...tags.map(
      (one, i): ComposeLayer => ({
        name: "vlan",
        tpid: one,
        pcp: random[12]! & 7,
        dei: (random[13]! & 1) === 1,
        vid: (random[14]! << 4) | i,
      }),
    ),
  ];
  const behind = layers.length === 0 ? 0 : 14 + 4 * tags.length;
  if (kind === "other" || kind === "llc") {
    // A last type below 0x0600 is a length: LLC follows.
    const etherType = kind === "llc" ? 38 : 0x88cc;
    const last = layers.pop() as ComposeLayer;
    layers.push({ ...last, etherType } as ComposeLayer);
  } else if (kind === "arp") {
    layers.push({
      name: "arp",
      operation: 1,
      senderMac: random.subarray(6, 12),
      senderIp: random.subarray(16, 20),
      targetMac: random.subarray(0, 6),
      targetIp: random.subarray(20, 24),
    });
  } else if (kind === "ipv6") {
    layers.push({
      name: "ipv6",
      protocol,
      hopLimit: random[15]!,
      flowLabel: random[16]!,
      source: random.subarray(20, 36),
      destination: random.subarray(36, 52),
    });
  } else {
    layers.push({
      name: "ipv4",
      protocol,
      ttl: random[15]!,
      source: random.subarray(20, 24),
      destination: random.subarray(24, 28),
      ...(kind === "ipv4-options" ? { options: random.subarray(28, 28 + 4 * (1 + (seed % 10))) } : {}),
      ...(kind === "ipv4-fragment"
        ? { moreFragments: seed % 2 === 0, fragmentOffset: 8 * (seed % 3), identification: seed }
        : {}),
    });
  }
  const room = Math.max(0, length - behind - 60);
  const header = compose(layers, noise(room, seed + 1));
  const frame = noise(length, seed + 2);
  frame.set(header.subarray(0, length));
  return frame;
}
