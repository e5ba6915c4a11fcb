// What frames can be counted by: a row for each part of a key, with how it lies in the kernels' table and how it is told.

import {
  COUNT_DESTINATION,
  COUNT_DESTINATION_MAC,
  COUNT_DESTINATION_PORT,
  COUNT_IPV6,
  COUNT_KIND,
  COUNT_PROTOCOL,
  COUNT_SOURCE,
  COUNT_SOURCE_MAC,
  COUNT_SOURCE_PORT,
  COUNT_TUNNEL_KEY,
  COUNT_VID,
  COUNT_VNI,
} from "../layout/count.layout.ts";
import { MAC_LENGTH } from "../layout/ethernet.layout.ts";
import type { WrappingKind } from "../tunnel/wrappings.ts";

/**
 * Parts of a key: the VNI that the frame came out of a tunnel with, and what stands in the frame. Addresses are those of
 * IP, `protocol` is the number of what IP carries, ports are those of TCP, UDP and SCTP in packets that are no fragments,
 * `vid` is the VLAN of the outermost tag.
 */
export type CountKey = Exclude<CountedKey, "kind" | "key">;

/** Parts of the keys of all tables: a decapsulation of any kind counts by the kind of tunnel, its VNI and its GRE key. */
export type CountedKey = keyof CountKeyValues;

/** What each part is told as; a frame that has no such thing has none. */
export interface CountKeyValues {
  readonly kind: WrappingKind;
  readonly vni: number;
  readonly key: number;
  readonly sourceMac: string;
  readonly destinationMac: string;
  readonly vid: number;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A row. */
interface KeyPart {
  readonly bit: number;
  /** How it lies in a key, and what it is told as. */
  readonly form: "kind" | "number" | "mac" | "ip";
}

/** Bytes in a key. */
export const FORM_LENGTHS: Readonly<Record<KeyPart["form"], number>> = { kind: 4, number: 4, mac: 8, ip: 16 };

/** In the order in which the parts lie in a key. */
export const KEY_PARTS: Readonly<Record<CountedKey, KeyPart>> = {
  kind: { form: "kind", bit: COUNT_KIND },
  vni: { form: "number", bit: COUNT_VNI },
  key: { form: "number", bit: COUNT_TUNNEL_KEY },
  sourceMac: { form: "mac", bit: COUNT_SOURCE_MAC },
  destinationMac: { form: "mac", bit: COUNT_DESTINATION_MAC },
  vid: { form: "number", bit: COUNT_VID },
  source: { form: "ip", bit: COUNT_SOURCE },
  destination: { form: "ip", bit: COUNT_DESTINATION },
  protocol: { form: "number", bit: COUNT_PROTOCOL },
  sourcePort: { form: "number", bit: COUNT_SOURCE_PORT },
  destinationPort: { form: "number", bit: COUNT_DESTINATION_PORT },
};

/** In the order in which they lie in a key. */
export const COUNTED_KEYS: readonly CountedKey[] = Object.keys(KEY_PARTS) as CountedKey[];

/**
 * The texts of the parts of the key at `at`, in the order of `by`, with commas between; a part that is not there is empty.
 * Keys are compared and sorted by them: numbers and addresses come in their order, and IPv4 before IPv6.
 */
export function keyText(by: readonly CountedKey[], view: DataView, at: number): string {
  const has = view.getUint32(at, true);
  const texts: Partial<Record<CountedKey, string>> = {};
  let place = at + 4;
  for (const key of COUNTED_KEYS) {
    if (!by.includes(key)) continue;
    const { bit, form } = KEY_PARTS[key];
    if ((has & bit) !== 0) texts[key] = partText(form, view, place, (has & COUNT_IPV6) !== 0);
    place += FORM_LENGTHS[form];
  }
  return by.map((key) => texts[key] ?? "").join(",");
}

function partText(form: KeyPart["form"], view: DataView, at: number, ipv6: boolean): string {
  if (form === "number" || form === "kind") return view.getUint32(at, true).toString(16).padStart(8, "0");
  if (form === "mac") return hex(view, at, MAC_LENGTH);
  return ipv6 ? `6${hex(view, at, 16)}` : `4${hex(view, at, 4)}`;
}

function hex(view: DataView, at: number, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++)
    text += view
      .getUint8(at + i)
      .toString(16)
      .padStart(2, "0");
  return text;
}
