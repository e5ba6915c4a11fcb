// Encapsulations of every kind that no switch has, and of IP packets, as the codecs alone make them: options by arbitraries, and
// for each choice of them the layers that have to come out.
import fc from "fast-check";
import type { EncapsulateKind, WrappingKind } from "frameferry";
import type { ComposeLayer } from "frameferry/wire";

/** What the case wraps: a whole frame, the frame behind its addresses, or an IP packet of these versions. */
export type Carried = "ethernet" | "frame" | readonly (4 | 6)[];

/** What lies around the layers of a case. */
export type CaseCarrier = "ip" | "udp" | "ethernet" | "frame";

/** Options as they are drawn: all that any case has. */
export type Drawn = Readonly<Record<string, unknown>>;

export interface EncapsulationCase {
  readonly kind: EncapsulateKind;
  readonly name: string;
  readonly carried: Carried;
  readonly over: CaseCarrier;
  /** Of the outer packet, where the kind allows only one. */
  readonly outer?: 4 | 6;
  /** The UDP source port, where it is no flow's. */
  readonly sourcePort?: number;
  readonly port?: number;
  /** Whether there may be a header alone. */
  readonly bare: boolean;
  readonly options: fc.Arbitrary<Drawn>;
  /** The tunnel's layers around what is of `version`, which is undefined for frames. */
  layers(options: Drawn, version: 4 | 6 | undefined): readonly ComposeLayer[];
  /** What a decapsulation calls it, if that is not the kind alone. */
  readonly takenAs?: readonly WrappingKind[];
  /** Nothing in the packet says what is carried: only frames with usual types are recognised. */
  readonly guessed?: true;
}

const int = (max: number, min = 0): fc.Arbitrary<number> => fc.integer({ min, max });
const UINT32 = 0xffffffff;
const some = (
  all: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  ...required: string[]
): fc.Arbitrary<Drawn> => fc.record(all, { requiredKeys: required }) as fc.Arbitrary<Drawn>;
const none: fc.Arbitrary<Drawn> = fc.constant({});
const bytes = (...lengths: number[]): fc.Arbitrary<Uint8Array> =>
  fc.oneof(...lengths.map((length) => fc.uint8Array({ minLength: length, maxLength: length })));
const layer = (name: string, fields: object): ComposeLayer =>
  ({ name, ...fields }) as unknown as ComposeLayer;

const typeOf = (version: 4 | 6 | undefined): number =>
  version === undefined ? 0x6558 : version === 4 ? 0x0800 : 0x86dd;
const pppOf = (version: 4 | 6 | undefined): number => (version === 4 ? 0x0021 : 0x0057);
const nextOf = (version: 4 | 6 | undefined): number => (version === undefined ? 3 : version === 4 ? 1 : 2);

const BOTH: readonly (4 | 6)[] = [4, 6];
/** A case for each of what a kind carries that can carry either. */
function either(one: Omit<EncapsulationCase, "name" | "carried">): EncapsulationCase[] {
  return [
    { ...one, name: `${one.kind} with frames`, carried: "ethernet" },
    {
      ...one,
      name: `${one.kind} with packets`,
      carried: BOTH,
      options: one.options.map(({ controlWord: _, ...options }) => ({ ...options, carries: "ip" })),
    },
  ];
}

const GRE = some({ key: int(UINT32), checksum: fc.boolean() });
const gre = ({ key, checksum }: Drawn, version: 4 | 6 | undefined): ComposeLayer[] => [
  layer("gre", { protocol: typeOf(version), key, checksum }),
];

const MPLS = some(
  {
    label: fc.oneof(int(0xfffff), fc.array(int(0xfffff), { minLength: 1, maxLength: 16 })),
    trafficClass: int(7),
    ttl: int(255, 1),
    controlWord: fc.boolean(),
  },
  "label",
);
function mpls({ label, trafficClass = 0, ttl = 64, controlWord }: Drawn): ComposeLayer[] {
  const labels = Array.isArray(label) ? label : [label];
  const stack = labels.map((one, i) =>
    layer("mpls", { label: one, trafficClass, ttl, bottom: i === labels.length - 1 }),
  );
  return controlWord ? [...stack, layer("control-word", {})] : stack;
}

const NSH = some({ path: int(0xffffff), index: int(255) }, "path");
const nsh = ({ path, index = 255 }: Drawn, version: 4 | 6 | undefined): ComposeLayer =>
  layer("nsh", { path, index, ttl: 63, mdType: 2, nextProtocol: nextOf(version) });

const erspanGre = (protocol: number, sequence?: number): ComposeLayer => layer("gre", { protocol, sequence });

export const ENCAPSULATION_CASES: readonly EncapsulationCase[] = [
  {
    kind: "erspan",
    name: "erspan I",
    carried: "ethernet",
    over: "ip",
    bare: true,
    options: fc.constant({ type: 1 }),
    layers: () => [erspanGre(0x88be)],
  },
  {
    kind: "erspan",
    name: "erspan II",
    carried: "ethernet",
    over: "ip",
    bare: true,
    options: some({
      type: fc.constant(2),
      session: int(1023),
      vlan: int(4095),
      cos: int(7),
      index: int(0xfffff),
    }),
    layers: ({ session = 0, vlan = 0, cos = 0, index = 0 }) => [
      erspanGre(0x88be, 0),
      layer("erspan", { type: 2, session, vlan, cos: cos, encapsulation: 3, index }),
    ],
  },
  {
    kind: "erspan",
    name: "erspan III",
    carried: "ethernet",
    over: "ip",
    bare: true,
    options: some(
      {
        type: fc.constant(3),
        session: int(1023),
        vlan: int(4095),
        cos: int(7),
        securityGroup: int(0xffff),
        hardware: int(63),
        egress: fc.boolean(),
      },
      "type",
    ),
    layers: ({ session = 0, vlan = 0, cos = 0, securityGroup = 0, hardware = 0, egress = false }) => [
      erspanGre(0x22eb, 0),
      layer("erspan", {
        ...{ type: 3, session, vlan, cos: cos, timestamp: 0, securityGroup, ethernet: true },
        ...{ hardware, egress },
      }),
    ],
  },
  ...(
    [
      ["ipip", 4, 4],
      ["6in4", 6, 4],
      ["4in6", 4, 6],
      ["6in6", 6, 6],
    ] as const
  ).map(
    ([kind, inner, outer]): EncapsulationCase => ({
      ...{ kind, name: kind, carried: [inner], over: "ip", outer, bare: false, options: none },
      layers: () => [],
    }),
  ),
  {
    kind: "etherip",
    name: "etherip",
    carried: "ethernet",
    over: "ip",
    bare: true,
    options: none,
    layers: () => [layer("etherip", {})],
  },
  ...(["ip", "udp"] as const).map(
    (over): EncapsulationCase => ({
      kind: "l2tpv3",
      name: `l2tpv3 over ${over}`,
      carried: "ethernet",
      over,
      ...(over === "udp" && { sourcePort: 1701, port: 1701 }),
      bare: true,
      options: some(
        { over: fc.constant(over), session: int(UINT32, 1), cookie: bytes(4, 8), sublayer: fc.boolean() },
        "session",
        ...(over === "udp" ? ["over"] : []),
      ),
      layers: ({ session, cookie, sublayer }) => [
        layer("l2tpv3", { over, session, cookie, sublayer: sublayer ? { sequence: undefined } : undefined }),
      ],
      guessed: true,
    }),
  ),
  ...either({ kind: "gre", over: "ip", bare: true, options: GRE, layers: gre }).slice(1),
  ...either({ kind: "gre-in-udp", over: "udp", port: 4754, bare: true, options: GRE, layers: gre }),
  ...either({
    kind: "vxlan-gpe",
    over: "udp",
    port: 4790,
    bare: true,
    options: some({ vni: int(0xffffff) }, "vni"),
    layers: ({ vni }, version) => [
      layer("vxlan", { vni, gpe: { nextProtocol: nextOf(version), bum: false, oam: false } }),
    ],
  }).slice(1),
  ...either({
    kind: "geneve",
    over: "udp",
    port: 6081,
    bare: true,
    options: some(
      {
        vni: int(0xffffff),
        options: fc.array(fc.record({ class: int(0xffff), type: int(0x7f), data: bytes(0, 4, 8) }), {
          maxLength: 3,
        }),
      },
      "vni",
    ),
    layers: ({ vni, options }, version) => [layer("geneve", { vni, options, protocol: typeOf(version) })],
  }).slice(1),
  {
    kind: "gtp-u",
    name: "gtp-u",
    carried: BOTH,
    over: "udp",
    port: 2152,
    bare: true,
    options: fc.oneof(
      some({ teid: int(UINT32) }, "teid"),
      some({ teid: int(UINT32), qfi: int(63), uplink: fc.boolean() }, "teid", "qfi"),
    ),
    layers: ({ teid, qfi, uplink }) => [
      layer("gtp-u", {
        teid,
        extensions:
          qfi === undefined ? [] : [{ type: 0x85, data: Uint8Array.of(uplink ? 0x10 : 0, Number(qfi)) }],
      }),
    ],
  },
  ...either({ kind: "mpls", over: "ip", bare: false, options: MPLS, layers: mpls, guessed: true }),
  ...either({ kind: "mpls", over: "ethernet", bare: false, options: MPLS, layers: mpls, guessed: true }),
  ...either({
    ...{
      kind: "mpls-in-udp",
      over: "udp",
      port: 6635,
      bare: true,
      options: MPLS,
      layers: mpls,
      guessed: true,
    },
  }),
  {
    kind: "pppoe",
    name: "pppoe",
    carried: BOTH,
    over: "ethernet",
    bare: false,
    options: some({ session: int(0xfffe, 1) }, "session"),
    layers: ({ session }, version) => [
      layer("pppoe", { code: 0, session }),
      layer("ppp", { protocol: pppOf(version) }),
    ],
  },
  {
    kind: "l2tp",
    name: "l2tp",
    carried: BOTH,
    over: "udp",
    sourcePort: 1701,
    port: 1701,
    bare: true,
    options: some({ tunnel: int(0xffff, 1), session: int(0xffff, 1) }, "tunnel", "session"),
    layers: ({ tunnel, session }, version) => [
      layer("l2tp", { tunnel, session }),
      layer("ppp", { addressControl: true, protocol: pppOf(version) }),
    ],
  },
  {
    kind: "vn-tag",
    name: "vn-tag",
    carried: "frame",
    over: "frame",
    bare: false,
    options: some(
      {
        destinationVif: int(16383),
        sourceVif: int(4095),
        toInterface: fc.boolean(),
        pointer: fc.boolean(),
        looped: fc.boolean(),
      },
      "destinationVif",
    ),
    layers: (options) => [layer("vn-tag", options)],
  },
  {
    kind: "802.1br",
    name: "802.1br",
    carried: "frame",
    over: "frame",
    bare: false,
    options: some(
      { ecid: int(4095), ingressEcid: int(4095), group: int(3), pcp: int(7), dei: fc.boolean() },
      "ecid",
    ),
    layers: (options) => [layer("802.1br", options)],
  },
  {
    kind: "802.1ah",
    name: "802.1ah",
    carried: "ethernet",
    over: "ethernet",
    bare: false,
    options: some({ vni: int(0xffffff), pcp: int(7), dei: fc.boolean() }, "vni"),
    layers: ({ vni, pcp, dei }) => [layer("802.1ah", { isid: vni, pcp, dei })],
  },
  ...either({
    kind: "nsh",
    over: "ethernet",
    bare: false,
    options: NSH,
    layers: (options, version) => [nsh(options, version)],
  }),
  ...either({
    kind: "nsh",
    over: "udp",
    port: 4790,
    bare: false,
    options: fc.tuple(NSH, int(0xffffff)).map(([options, vni]) => ({ ...options, vni })),
    layers: (options, version) => [
      layer("vxlan", { vni: options.vni, gpe: { nextProtocol: 4, bum: false, oam: false } }),
      nsh(options, version),
    ],
    takenAs: ["vxlan-gpe", "nsh"],
  }),
  {
    kind: "tzsp",
    name: "tzsp",
    carried: "ethernet",
    over: "udp",
    port: 37008,
    bare: true,
    options: none,
    layers: () => [layer("tzsp", { type: 0, protocol: 1 })],
  },
  {
    kind: "capwap",
    name: "capwap",
    carried: "ethernet",
    over: "udp",
    sourcePort: 5247,
    port: 5247,
    bare: true,
    options: some({ radio: int(31, 1) }),
    layers: ({ radio = 1 }) => [layer("capwap", { radio, binding: 1 })],
  },
];
