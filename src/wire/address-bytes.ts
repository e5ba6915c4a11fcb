// Addresses to be emitted, as bytes: text is parsed, bytes are checked and used where they are.

import { type IpAddress, type MacAddress, parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { MAC_LENGTH } from "../layout/ethernet.layout.ts";

/** The six bytes of a MAC address; not a copy. */
export function macBytes(name: string, mac: MacAddress): Uint8Array {
  return mac instanceof Uint8Array && mac.length === MAC_LENGTH ? mac : parseMac(name, mac);
}

/** The 4 or 16 bytes of an IP address of that length; not a copy. */
export function ipBytes(name: string, ip: IpAddress, length: 4 | 16): Uint8Array {
  const bytes = ip instanceof Uint8Array && ip.length === length ? ip : parseIp(name, ip);
  if (bytes.length === length) return bytes;
  const [expected, got] = length === 4 ? ["IPv4", "IPv6"] : ["IPv6", "IPv4"];
  throw new ArgumentRangeError(
    "not-for-this",
    name,
    `expected an ${expected} address, got an ${got} address`,
  );
}
