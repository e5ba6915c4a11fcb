// MAC and IP addresses as bytes, and in text. Text is read strictly: "10.1" is not an address here.

import { MAC_LENGTH } from "../layout/ethernet.layout.ts";
import { ArgumentRangeError } from "./argument-error.ts";
import { wrongType } from "./arguments.ts";
import { bytesOfIpv4, bytesOfIpv6, ipText } from "./ip-text.ts";

/** Six bytes, or text such as `02:00:00:00:00:01` or `02-00-00-00-00-01`. */
export type MacAddress = string | Uint8Array;
/** Four or sixteen bytes, or text in dotted or colon notation. */
export type IpAddress = string | Uint8Array;

const MAC_TEXT = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$/i;

/** The six bytes of a MAC address; throws a TypeError or RangeError that names `name`. */
export function parseMac(name: string, mac: MacAddress): Uint8Array {
  if (mac instanceof Uint8Array) {
    if (mac.length !== MAC_LENGTH)
      throw new ArgumentRangeError("out-of-range", name, `expected 6 bytes, got ${mac.length}`);
    return mac.slice();
  }
  if (typeof mac !== "string") throw wrongType(name, "a MAC address", mac);
  if (!MAC_TEXT.test(mac)) {
    throw new ArgumentRangeError(
      "malformed",
      name,
      `expected a MAC address such as 02:00:00:00:00:01, got ${JSON.stringify(mac)}`,
    );
  }
  return Uint8Array.from(mac.split(/[:-]/), (byte) => Number.parseInt(byte, 16));
}

/** `02:00:00:00:00:01` for the six bytes at `offset`. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  const parts: string[] = [];
  for (let i = 0; i < MAC_LENGTH; i++) parts.push((bytes[offset + i] ?? 0).toString(16).padStart(2, "0"));
  return parts.join(":");
}

/** The 4 or 16 bytes of an IP address; throws a TypeError or RangeError that names `name`. */
export function parseIp(name: string, ip: IpAddress): Uint8Array {
  if (ip instanceof Uint8Array) {
    if (ip.length !== 4 && ip.length !== 16)
      throw new ArgumentRangeError("out-of-range", name, `expected 4 or 16 bytes, got ${ip.length}`);
    return ip.slice();
  }
  if (typeof ip !== "string") throw wrongType(name, "an IP address", ip);
  const bytes = bytesOfIpv4(ip) ?? bytesOfIpv6(ip);
  if (bytes !== undefined) return bytes;
  throw new ArgumentRangeError(
    "malformed",
    name,
    `expected an IPv4 or IPv6 address, got ${JSON.stringify(ip)}`,
  );
}

/** Text for 4 or 16 bytes; IPv6 in its shortest form (RFC 5952). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new ArgumentRangeError("out-of-range", "bytes", `expected 4 or 16 bytes, got ${bytes.length}`);
  return ipText(bytes);
}

/**
 * The MAC that whoever has an IP address gets if nobody says another: 02:00 and the last four bytes of the address. It is
 * one station's, locally administered, and the same every time.
 */
export function macOfIp(ip: Uint8Array): Uint8Array {
  return Uint8Array.from([2, 0, ...ip.subarray(-4)]);
}

/** The bytes of an IP address that one station can have: neither unspecified nor a group's. */
export function parseStation(name: string, ip: IpAddress): Uint8Array {
  const bytes = parseIp(name, ip);
  const group = bytes.length === 4 ? (bytes[0] as number) >= 224 : bytes[0] === 0xff;
  if (group || bytes.every((byte) => byte === 0))
    throw new ArgumentRangeError(
      "malformed",
      name,
      `expected the address of one station, got ${formatIp(bytes)}`,
    );
  return bytes;
}

/** The bytes of a MAC address that one station can have: neither all zeroes nor a group's. */
export function parseStationMac(name: string, mac: MacAddress): Uint8Array {
  const bytes = parseMac(name, mac);
  if (((bytes[0] as number) & 1) !== 0 || bytes.every((byte) => byte === 0))
    throw new ArgumentRangeError(
      "malformed",
      name,
      `expected the address of one station, got ${formatMac(bytes)}`,
    );
  return bytes;
}
