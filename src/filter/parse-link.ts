// Words about links: bytes of their headers by number, the way that a frame went, LLC, and kinds of 802.11 frames. Most are
// other words for a relation, and become one.

import type { Reader } from "./reader.ts";
import { expected } from "./syntax-error.ts";
import type { Operator, Tree, Value } from "./tree.ts";

/** Values of control bytes of LLC, and in which bits. */
const LLC_TYPES: ReadonlyMap<string, readonly [value: number, mask: number]> = new Map([
  ["i", [0x00, 0x01]],
  ["s", [0x01, 0x03]],
  ["u", [0x03, 0x03]],
  ["rr", [0x01, 0x0f]],
  ["rnr", [0x05, 0x0f]],
  ["rej", [0x09, 0x0f]],
  ["ui", [0x03, 0xef]],
  ["ua", [0x63, 0xef]],
  ["disc", [0x43, 0xef]],
  ["test", [0xe3, 0xef]],
  ["sabme", [0x6f, 0xef]],
  ["xid", [0xaf, 0xef]],
  ["frmr", [0x87, 0xef]],
]);

// The first byte of an 802.11 header: version(2) type(2) subtype(4), from the lowest bit on.
const WLAN_TYPE = 0x0c;
const WLAN_SUBTYPE = 0xf0;
/** Subtypes by type, in the order of their numbers: none where nothing stands between the spaces. */
const WLAN_TYPES: ReadonlyMap<string, readonly [type: number, subtypes: string]> = new Map([
  [
    "mgt",
    [
      0x00,
      "assoc-req assoc-resp reassoc-req reassoc-resp probe-req probe-resp   beacon atim disassoc auth deauth",
    ],
  ],
  ["ctl", [0x04, "          ps-poll rts cts ack cf-end cf-end-ack"]],
  [
    "data",
    [
      0x08,
      "data data-cf-ack data-cf-poll data-cf-ack-poll null cf-ack cf-poll cf-ack-poll qos-data qos-data-cf-ack " +
        "qos-data-cf-poll qos-data-cf-ack-poll qos  qos-cf-poll qos-cf-ack-poll",
    ],
  ],
]);
const OTHER_SPELLINGS: ReadonlyMap<string, string> = new Map([
  ["management", "mgt"],
  ["control", "ctl"],
  ["disassociation", "disassoc"],
  ["authentication", "auth"],
  ["deauthentication", "deauth"],
]);
/** To a distribution system, from one, and both. */
const WLAN_DIRECTIONS: readonly string[] = ["nods", "tods", "fromds", "dstods"];
const WLAN_DIRECTION = 0x03;

/** What Linux says of a packet that it sent: in the header of cooked captures, version 1 and 2. */
const SENT = 4;

type Action = (reader: Reader, at: number) => Tree;

const WORDS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ["byte", byte],
  ["inbound", (_, at) => ({ kind: "any", terms: way("!=", at) })],
  ["outbound", (_, at) => ({ kind: "any", terms: way("=", at) })],
  [
    "ifindex",
    (reader, at) =>
      relation(field("sll2", 4, 4, at), "=", reader.number("the number of an interface", 0xffffffff), at),
  ],
  ["llc", llc],
  ["type", wlanType],
  ["subtype", wlanSubtype],
  ["dir", wlanDirection],
]);

/** What one of these words says; undefined if none stands here. */
export function parseLink(reader: Reader): Tree | undefined {
  const { at, type, text } = reader.token;
  const action = type === "word" ? WORDS.get(text) : undefined;
  if (action === undefined) return undefined;
  reader.take();
  return action(reader, at);
}

function field(protocol: string, index: number, size: 1 | 2 | 4, at: number): Value {
  return { kind: "field", protocol, index: { kind: "number", value: index }, size, at };
}

function relation(left: Value, operator: Operator, value: number, at: number): Tree {
  return { kind: "relation", operator, left, right: { kind: "number", value }, at };
}

function masked(left: Value, mask: number): Value {
  return { kind: "binary", operator: "&", left, right: { kind: "number", value: mask } };
}

/** `byte 3 = 5`, and `byte 3 & 5` for one of these bits. */
function byte(reader: Reader, at: number): Tree {
  const left = field("ether", reader.number("the number of a byte", 0xffffffff), 1, at);
  if (!reader.at("=", "<", ">", "&", "|")) throw reader.unexpected("=, <, >, & or |");
  const operator = reader.take().text as "=" | "<" | ">" | "&" | "|";
  const value = reader.number("a number", 0xffffffff);
  if (operator !== "&" && operator !== "|") return relation(left, operator, value, at);
  const right = { kind: "number", value } as const;
  return relation({ kind: "binary", operator, left, right }, "!=", 0, at);
}

function way(operator: "=" | "!=", at: number): Tree[] {
  return [
    relation(field("sll", 0, 2, at), operator, SENT, at),
    relation(field("sll2", 10, 1, at), operator, SENT, at),
  ];
}

function llc(reader: Reader, at: number): Tree {
  const { type, text } = reader.token;
  const known = type === "name" || type === "word" ? LLC_TYPES.get(text) : undefined;
  if (known === undefined) {
    if (type === "name") throw expected(`one of ${[...LLC_TYPES.keys()].join(", ")}`, reader.token.at, text);
    return { kind: "llc", type: undefined, value: 0, mask: 0, at };
  }
  reader.take();
  const [value, mask] = known;
  return { kind: "llc", type: text, value, mask, at };
}

function wlanType(reader: Reader, at: number): Tree {
  const type = codeOf(
    reader,
    "mgt, ctl or data",
    WLAN_TYPE,
    (name) => WLAN_TYPES.get(OTHER_SPELLINGS.get(name) ?? name)?.[0],
  );
  if (!reader.taken("subtype")) return wlanControl(WLAN_TYPE, type, at);
  const subtype = codeOf(reader, "the name of a subtype", WLAN_SUBTYPE, (name) => {
    const number = subtypeOf(name);
    return number === undefined || (number & WLAN_TYPE) !== type ? undefined : number & WLAN_SUBTYPE;
  });
  return wlanControl(WLAN_TYPE | WLAN_SUBTYPE, type | subtype, at);
}

/** The name alone says of which type it is. */
function wlanSubtype(reader: Reader, at: number): Tree {
  const number = codeOf(reader, "the name of a subtype", -1, subtypeOf);
  return wlanControl(WLAN_TYPE | WLAN_SUBTYPE, number, at);
}

function wlanDirection(reader: Reader, at: number): Tree {
  const direction = codeOf(reader, WLAN_DIRECTIONS.join(", "), WLAN_DIRECTION, (name) => {
    const number = WLAN_DIRECTIONS.indexOf(name);
    return number < 0 ? undefined : number;
  });
  return relation(masked(field("wlan", 1, 1, at), WLAN_DIRECTION), "=", direction, at);
}

function wlanControl(mask: number, value: number, at: number): Tree {
  return relation(masked(field("wlan", 0, 1, at), mask), "=", value, at);
}

/** Type and subtype of a name. */
function subtypeOf(name: string): number | undefined {
  const spelt = OTHER_SPELLINGS.get(name) ?? name;
  for (const [type, subtypes] of WLAN_TYPES.values()) {
    const index = subtypes.split(" ").indexOf(spelt);
    if (index >= 0) return type | (index << 4);
  }
  return undefined;
}

/** A number within `mask`, or a name. */
function codeOf(
  reader: Reader,
  what: string,
  mask: number,
  named: (name: string) => number | undefined,
): number {
  const { type, text } = reader.token;
  let value: number | undefined;
  if (type === "name" || type === "word") value = named(text);
  else if (reader.token.type === "number" && mask > 0 && (reader.token.value & ~mask) === 0)
    value = reader.token.value;
  if (value === undefined) throw reader.unexpected(what);
  reader.take();
  return value;
}
