// Recipes of switches and of what happens to them, as fast-check makes them: numbers that choose among few
// things, so that frames hit entries, limits are reached, and a failing run can be read.
import fc from "fast-check";
import type { TunnelKind } from "frameferry";

export interface DomainRecipe {
  readonly vni: boolean;
  readonly learning: boolean;
  readonly dropUnknown: boolean;
  readonly arpSuppression: boolean;
  readonly fdbLimit: number | undefined;
}

export interface PortRecipe {
  readonly kind: "access" | "trunk" | "tunnel";
  /** Which domains, as bits; an access port takes the lowest. */
  readonly domains: number;
  /** Which VLAN of a trunk is native, counted; none if there is no such. */
  readonly native: number;
  /** VIDs differ from port to port. */
  readonly shift: number;
  readonly learning: boolean;
  readonly flood: boolean;
  readonly group: number | undefined;
  readonly fdbLimit: number | undefined;
  readonly mtu: number | undefined;
  readonly ttl: number | undefined;
  readonly dscp: number | undefined;
  /** Of UDP or GRE. */
  readonly udpChecksum: boolean | undefined;
  /** Of a tunnel. */
  readonly tunnel: TunnelKind;
  /** Of Geneve: how many words of options. */
  readonly optionWords: number;
  /** Its remote is that of the first port. */
  readonly shares: boolean;
}

export interface SwitchRecipe {
  readonly underlay: "none" | "ipv4" | "ipv6";
  readonly rule: "rfc" | "strict";
  readonly udpChecksum: "ignore" | "verify";
  readonly ipChecksum: "ignore" | "verify";
  readonly capacity: number;
  readonly whenFull: "evict" | "forward";
  readonly ageSeconds: number;
  readonly copies: number;
  readonly seed: bigint;
  readonly startMs: number;
  /** Whether some frames come by no port. */
  readonly strays: boolean;
  /** How many MACs there are. */
  readonly hosts: number;
  readonly domains: readonly DomainRecipe[];
  readonly ports: readonly PortRecipe[];
}

export interface ArpRecipe {
  readonly sender: number;
  readonly target: number;
  readonly fault: "none" | "operation" | "hardware" | "protocol" | "lengths" | "short" | "other-sender";
}

export interface FrameRecipe {
  /** MACs by number; some numbers stand for special ones. */
  readonly source: number;
  readonly destination: number;
  /** The VID is a choice: see `vidOf`. */
  readonly tags: readonly { readonly tpid: number; readonly vid: number; readonly priority: number }[];
  readonly length: number;
  readonly arp: ArpRecipe | undefined;
  readonly seed: number;
}

export interface PacketRecipe {
  /** Which of the tunnels that are there, and which of its domains. */
  readonly tunnel: number;
  readonly domain: number;
  readonly fault:
    | "none"
    | "unknown-remote"
    | "other-vni"
    | "reserved-bit"
    | "no-vni"
    | "header"
    | "kind"
    | "key"
    | "port"
    | "destination"
    | "cut"
    | "ip-checksum"
    | "udp-checksum"
    | "fragment"
    | "arp"
    | "other-arp"
    | "noise";
  readonly cut: number;
  readonly outerTags: number;
  readonly udpChecksum: boolean;
}

export interface ArrivalRecipe extends FrameRecipe {
  readonly port: number;
  /** It comes by no port. */
  readonly stray: boolean;
  /** It comes by the uplink, in this packet, if the switch has one. */
  readonly packet: PacketRecipe | undefined;
}

export type StepRecipe =
  | { readonly do: "burst"; readonly arrivals: readonly ArrivalRecipe[] }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "sweep"; readonly slices: boolean }
  | {
      readonly do: "flush";
      readonly domain: number | undefined;
      readonly port: number | undefined;
      readonly all: boolean;
    }
  | { readonly do: "set"; readonly domain: number; readonly mac: number; readonly port: number | undefined }
  | { readonly do: "remove"; readonly domain: number; readonly mac: number }
  | { readonly do: "toggle-port"; readonly port: number }
  | { readonly do: "toggle-domain"; readonly domain: number }
  | { readonly do: "toggle-tunnel"; readonly port: number; readonly domain: number }
  | { readonly do: "toggle-neighbour"; readonly domain: number; readonly host: number };

const maybe = <T>(arbitrary: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight, arbitrary });
const mostly = (usual: boolean): fc.Arbitrary<boolean> => fc.constantFrom(usual, usual, usual, usual, !usual);

const domainRecipe: fc.Arbitrary<DomainRecipe> = fc.record({
  vni: mostly(true),
  learning: mostly(true),
  dropUnknown: mostly(false),
  arpSuppression: fc.boolean(),
  fdbLimit: maybe(fc.integer({ min: 1, max: 6 })),
});

const portRecipe: fc.Arbitrary<PortRecipe> = fc.record({
  kind: fc.constantFrom("access" as const, "access" as const, "trunk" as const, "tunnel" as const),
  domains: fc.integer({ min: 1, max: 15 }),
  native: fc.nat(4),
  shift: fc.nat(3),
  learning: mostly(true),
  flood: mostly(true),
  group: maybe(fc.constantFrom(0, 1, 1, 255)),
  fdbLimit: maybe(fc.integer({ min: 1, max: 6 })),
  mtu: maybe(fc.constantFrom(64, 100, 1000, 1500)),
  ttl: maybe(fc.constantFrom(1, 255)),
  dscp: maybe(fc.constantFrom(0, 46, 63)),
  udpChecksum: maybe(fc.boolean()),
  tunnel: fc.constantFrom(
    "vxlan" as const,
    "vxlan" as const,
    "geneve" as const,
    "gre" as const,
    "nvgre" as const,
    "vxlan-gpe" as const,
  ),
  optionWords: fc.constantFrom(0, 0, 1, 6),
  shares: mostly(false),
});

export const switchRecipe: fc.Arbitrary<SwitchRecipe> = fc.record({
  underlay: fc.constantFrom("none" as const, "ipv4" as const, "ipv4" as const, "ipv6" as const),
  rule: fc.constantFrom("rfc" as const, "strict" as const),
  udpChecksum: fc.constantFrom("ignore" as const, "verify" as const),
  ipChecksum: fc.constantFrom("verify" as const, "ignore" as const),
  capacity: fc.integer({ min: 4, max: 40 }),
  whenFull: fc.constantFrom("evict" as const, "forward" as const),
  ageSeconds: fc.constantFrom(0, 1, 5, 300, 300, 1_000_000),
  copies: fc.constantFrom(1, 8, 256),
  seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  // Zero, a fraction, just before the stamps start again, and dates.
  startMs: fc.constantFrom(0, 0.75, 2 ** 24 * 1000 - 3_500, 1_790_000_000_123),
  strays: fc.constant(false),
  hosts: fc.constantFrom(3, 8, 8, 80),
  domains: fc.array(domainRecipe, { minLength: 1, maxLength: 4 }),
  ports: fc.array(portRecipe, { minLength: 2, maxLength: 6, size: "max" }),
});

const LENGTHS = [0, 1, 13, 14, 15, 17, 18, 19, 21, 22, 42, 46, 60, 64, 78, 82, 114, 118, 1514, 1518, 1600];

const arpRecipe: fc.Arbitrary<ArpRecipe> = fc.record({
  sender: fc.nat(5),
  target: fc.nat(5),
  fault: fc.oneof(
    { weight: 12, arbitrary: fc.constant("none" as const) },
    {
      weight: 6,
      arbitrary: fc.constantFrom("operation", "hardware", "protocol", "lengths", "short", "other-sender"),
    },
  ),
});

const tagRecipe = fc.record({
  tpid: fc.constantFrom(0x8100, 0x8100, 0x8100, 0x88a8, 0x9100),
  vid: fc.nat(11),
  priority: fc.nat(15),
});

/** Half of a pool, then special ones: broadcast, groups, reserved groups, zeroes. */
const macNumber: fc.Arbitrary<number> = fc.oneof(
  { weight: 20, arbitrary: fc.nat(1000) },
  { weight: 3, arbitrary: fc.integer({ min: -6, max: -1 }) },
);

const frameFields = {
  source: fc.oneof(
    { weight: 30, arbitrary: fc.nat(1000) },
    { weight: 1, arbitrary: fc.integer({ min: -6, max: -1 }) },
  ),
  destination: macNumber,
  tags: fc.oneof(
    { weight: 8, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: fc.array(tagRecipe, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(tagRecipe, { minLength: 2, maxLength: 3 }) },
  ),
  length: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 60, max: 130 }) },
    { weight: 2, arbitrary: fc.constantFrom(...LENGTHS) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 1600 }) },
  ),
  arp: maybe(arpRecipe),
  seed: fc.integer({ min: 1, max: 0xffff }),
};

const packetRecipe: fc.Arbitrary<PacketRecipe> = fc.record({
  tunnel: fc.nat(5),
  domain: fc.nat(3),
  fault: fc.oneof(
    { weight: 30, arbitrary: fc.constant("none" as const) },
    {
      weight: 16,
      arbitrary: fc.constantFrom(
        "unknown-remote",
        "other-vni",
        "reserved-bit",
        "no-vni",
        "header",
        "header",
        "kind",
        "key",
        "port",
        "destination",
        "cut",
        "ip-checksum",
        "udp-checksum",
        "fragment",
        "arp",
        "arp",
        "other-arp",
        "noise",
      ),
    },
  ),
  cut: fc.nat(120),
  outerTags: fc.constantFrom(0, 0, 0, 0, 1, 2),
  udpChecksum: fc.boolean(),
});

const arrivalRecipe: fc.Arbitrary<ArrivalRecipe> = fc.record({
  ...frameFields,
  port: fc.nat(5),
  stray: fc.nat(40).map((n) => n === 40),
  packet: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: packetRecipe }),
});

const small = fc.nat(5);
const host = fc.nat(1000);

export const stepRecipe: fc.Arbitrary<StepRecipe> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant("burst" as const),
      arrivals: fc.array(arrivalRecipe, { minLength: 1, maxLength: 40, size: "max" }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 250, 999, 1000, 4999, 5000, 299_000, 300_000, 301_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("sweep" as const), slices: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("flush" as const),
      domain: fc.option(small, { nil: undefined }),
      port: fc.option(small, { nil: undefined }),
      all: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      domain: small,
      mac: host,
      port: fc.option(small, { nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), domain: small, mac: host }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("toggle-port" as const), port: small }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("toggle-domain" as const), domain: small }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("toggle-tunnel" as const), port: small, domain: small }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("toggle-neighbour" as const), domain: small, host: small }),
  },
);
