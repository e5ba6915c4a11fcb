// Random expressions of the filter language, with numbers that stand in the frames they are tried on: else nearly none
// would match. The same seed gives the same expressions.
//
// What libpcap does by mistake, or reads from memory that was never set, is left out; docs/filter.md lists it.

export interface Frame {
  readonly bytes: Uint8Array;
  readonly wireLength: number;
}

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 2654435761) >>> 0 || 1;
  }

  /** From 0 to `below`, which is not reached. */
  next(below: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state % below;
  }

  of<T>(items: readonly T[]): T {
    return items[this.next(items.length)] as T;
  }
}

const PROTOCOLS = [
  ...["ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "ah"],
  ...["esp", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl", "iso", "esis", "isis", "stp", "ipx"],
  ...["netbeui", "pppoed", "carp", "clnp", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp"],
];
const LLC = [
  "",
  " i",
  " s",
  " u",
  " rr",
  " rnr",
  " rej",
  " ui",
  " ua",
  " disc",
  " test",
  " sabme",
  " xid",
  " frmr",
];
const WLAN_TYPES = [
  ...[
    "type mgt",
    "type ctl",
    "type data",
    "wlan type 8",
    "subtype beacon",
    "subtype qos-data",
    "subtype ack",
  ],
  ...[
    "type data subtype data",
    "type ctl subtype rts",
    "type mgt subtype 0x40",
    "subtype ps-poll",
    "subtype cts",
  ],
];

/** What expressions are about: everything that Ethernet frames have, or packets and what stands in front of them. */
export type Words = "all" | "packets" | "cooked" | "cooked 2" | "bytes" | "wlan";

const FIELDS = ["ether", "ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "sctp", "igmp", "rarp"];
const DIRECTIONS = ["", "", "src ", "dst ", "src or dst ", "src and dst ", "dst or src ", "dst and src "];
const RELATIONS = ["=", "==", "!=", ">", ">=", "<", "<="];

export class Expressions {
  readonly #random: Random;
  readonly #frames: readonly Frame[];
  readonly #words: Words;

  /** `frames` are of Ethernet: of other links, those whose packets they carry. */
  constructor(seed: number, frames: readonly Frame[], words: Words = "all") {
    this.#random = new Random(seed);
    this.#frames = frames;
    this.#words = words;
  }

  next(): string {
    const text = this.#condition(this.#random.next(4));
    // What stands behind `or` and `not` would read where no tunnel was opened.
    // In a tunnel libpcap looks for the way of a cooked frame, too, and it loses where an 802.11 header ends.
    if (!/all|packets/.test(this.#words) || this.#random.next(12) !== 0) return text;
    return `${this.#geneve()} and (${text})`;
  }

  #geneve(): string {
    return this.#random.next(3) === 0 ? `geneve ${this.#random.next(3)}` : "geneve";
  }

  #condition(depth: number): string {
    const random = this.#random;
    if (depth === 0) return this.#primitive();
    const [left, right] = [this.#condition(depth - 1), this.#condition(depth - 1)];
    switch (random.next(6)) {
      case 0:
        return `not (${left})`;
      case 1:
        return `${left} ${random.of(["and", "&&"])} ${right}`;
      case 2:
        return `${left} ${random.of(["or", "||"])} ${right}`;
      case 3:
        return `(${left}) or not (${right})`;
      case 4:
        return `${left} and (${right} or ${this.#primitive()})`;
      default:
        return `(${left} or ${right}) and ${random.of(["", "not ", "! "])}${this.#primitive()}`;
    }
  }

  #primitive(): string {
    const random = this.#random;
    const words = this.#words;
    if (words === "bytes") return random.of([this.#relation("ether"), this.#ofLength()]);
    if (random.next(words === "wlan" ? 4 : 16) === 0) {
      const about = this.#aboutLink();
      if (about !== undefined) return about;
    }
    const kind = random.next(16);
    // Of these libpcap knows some for some links, and none for most.
    if (words !== "all" && kind >= 10 && kind <= 12) return this.#primitive();
    // Arithmetic overwrites what it knows of an 802.11 header.
    if (words === "wlan" && kind > 13) return this.#primitive();
    switch (kind) {
      case 0:
      case 1:
        return random.of(PROTOCOLS);
      case 2:
        return `${random.of(["", "ip ", "arp ", "rarp "])}${random.of(DIRECTIONS)}host ${this.#ipv4()}`;
      case 3:
        return `${random.of(["", "ip "])}${random.of(DIRECTIONS)}net ${this.#network()}`;
      case 4:
        return `${random.of(DIRECTIONS)}host ${this.#ipv4()} or ${this.#ipv4()} or ${this.#ipv4()} or not ${this.#ipv4()}`;
      case 5:
        return `${random.of(["", "ip6 "])}${random.of(DIRECTIONS)}${this.#ipv6()}`;
      case 6:
      case 7:
        return `${random.of(["", "tcp ", "udp ", "sctp "])}${random.of(DIRECTIONS)}port ${this.#ports()}`;
      case 8:
        return `${random.of(["", "tcp ", "udp "])}${random.of(DIRECTIONS)}portrange ${this.#port()}-${this.#port()}`;
      case 9:
        return `${random.of(["", "ip ", "ip6 "])}proto ${this.#byte()}`;
      case 10:
        return `ether ${random.of(["proto", "proto "])} ${this.#half(12)}`;
      case 11:
        return `ether ${random.of(["host", "src", "dst", "src and dst", "dst or src host"])} ${this.#mac()}`;
      case 12:
        return random.of(["vlan", `vlan ${this.#half(14) & 0xfff}`, "mpls", "pppoes", "mpls 16", "pppoes 1"]);
      case 13:
        return random.of([
          ...(words === "all" || words === "wlan"
            ? ["broadcast", "multicast", "ether multicast", "ether broadcast"]
            : []),
          ...["ip6 multicast", this.#ofLength(), this.#ofLength()],
        ]);
      default:
        return this.#relation(random.of(FIELDS));
    }
  }

  #ofLength(): string {
    const random = this.#random;
    const length = this.#length();
    const relation = `len ${random.of(RELATIONS)} ${length}`;
    return random.of([`less ${length}`, `greater ${length}`, ...(this.#words === "wlan" ? [] : [relation])]);
  }

  /** Words about the link header; undefined if there are none. */
  #aboutLink(): string | undefined {
    const random = this.#random;
    switch (this.#words) {
      case "all":
        return random.of([
          `llc${random.of(LLC)}`,
          `byte ${random.next(20)} ${random.of(["=", "<", ">"])} ${this.#byte()}`,
        ]);
      case "cooked":
        return random.of(["inbound", "outbound"]);
      case "cooked 2":
        return random.of(["inbound", "outbound", `ifindex ${random.next(5)}`]);
      case "wlan":
        return random.of([
          random.of(WLAN_TYPES),
          `dir ${random.of(["nods", "tods", "fromds", "dstods", "1"])}`,
          `llc${random.of(LLC)}`,
          `wlan ${random.of(["host", "src", "dst", "addr1", "addr2", "addr3", "addr4", "ra", "ta"])} 2:0:0:0:0:${random.of([1, 2, 9])}`,
        ]);
      default:
        return undefined;
    }
  }

  #relation(protocol: string): string {
    const random = this.#random;
    const left = this.#value(protocol, 2);
    const right = random.next(4) === 0 ? this.#value(protocol, 1) : this.#number();
    return `${left} ${random.of(RELATIONS)} ${right}`;
  }

  /** What is read on the right is of the same protocol: libpcap loses what it would have to ask there. */
  #value(protocol: string, depth: number): string {
    const random = this.#random;
    switch (random.next(depth === 0 ? 2 : 8)) {
      case 0:
        return depth === 0
          ? String(this.#number())
          : `(${this.#value(protocol, depth - 1)} & ${this.#number()})`;
      case 2:
        return `${this.#value(protocol, depth - 1)} ${random.of(["+", "-", "*", "&", "|"])} ${this.#number()}`;
      case 3:
        return `(${this.#field(protocol, "0")} ${random.of(["/", "%", "^"])} ${this.#value(protocol, depth - 1)})`;
      case 4:
        return `(${this.#value(protocol, depth - 1)} ${random.of(["<<", ">>"])} ${random.next(32)})`;
      case 5:
        return random.of([
          "len",
          `-${this.#field(protocol, "0")}`,
          `(${this.#field(protocol, "1")} >> ${this.#field(protocol, "0")})`,
        ]);
      case 6:
        return this.#field(protocol, this.#value(protocol, depth - 1));
      default:
        return this.#field(protocol, String(random.next(random.of([4, 24, 60]))));
    }
  }

  #field(protocol: string, index: string): string {
    return `${protocol}[${index}${this.#random.of(["", "", ":1", ":2", ":4"])}]`;
  }

  #bytes(offset: number, length: number): number[] {
    const { bytes } = this.#random.of(this.#frames);
    return Array.from({ length }, (_, i) => bytes[offset + i] ?? 0);
  }

  #byte(): number {
    return this.#bytes(this.#random.of([20, 23]), 1)[0] as number;
  }

  #half(offset: number): number {
    const [high = 0, low = 0] = this.#bytes(offset, 2);
    return high * 256 + low;
  }

  #number(): number {
    const random = this.#random;
    if (random.next(3) === 0) return random.of([0, 1, 2, 3, 15, 16, 255, 256, 0x7fffffff, 0xffffffff]);
    return random.next(2) === 0
      ? (this.#bytes(random.next(64), 1)[0] as number)
      : this.#half(random.next(64));
  }

  #port(): number {
    return this.#half(this.#random.of([34, 36, 54, 56]));
  }

  #ports(): string {
    const random = this.#random;
    const more = Array.from({ length: random.next(4) }, () => ` or ${this.#port()}`);
    return random.of([`${this.#port()}${more.join("")}`, `(${this.#port()}${more.join("")})`]);
  }

  #length(): number {
    return this.#random.of(this.#frames).wireLength;
  }

  #ipv4(): string {
    return this.#bytes(this.#random.of([26, 30, 28, 38]), 4).join(".");
  }

  #network(): string {
    const [a, b, c] = this.#bytes(this.#random.of([26, 30]), 3);
    return this.#random.of([
      ...[`${a}.${b}.${c}.0/24`, `${a}.${b}.0.0/16`, `${a}.0.0.0/8`, "0.0.0.0/0", `${a}`, `${a}.${b}`],
      ...[`${a}.${b}.${c}`, `${a}.${b} mask 255.255.0.0`, `${this.#ipv4()}/32`, "10.128.0.0/9"],
    ]);
  }

  #ipv6(): string {
    const groups = Array.from({ length: 8 }, () => 0);
    const bytes = this.#bytes(this.#random.of([22, 38]), 16);
    for (const [i, byte] of bytes.entries()) groups[i >> 1] = (groups[i >> 1] as number) * 256 + byte;
    const text = groups.map((group) => group.toString(16));
    return this.#random.of([
      `host ${text.join(":")}`,
      `net ${text.slice(0, 4).join(":")}::/64`,
      `net ${text[0]}::/16`,
      "net ::/0",
    ]);
  }

  #mac(): string {
    return this.#bytes(this.#random.of([0, 6]), 6)
      .map((byte) => byte.toString(16))
      .join(this.#random.of([":", "-"]));
  }
}
