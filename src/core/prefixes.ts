// IP prefixes: an address and how many of its bits count, as text such as 10.1.0.0/16 or fc00:1::/64.

import { formatIp, parseIp } from "./addresses.ts";
import { ArgumentRangeError } from "./argument-error.ts";
import { wrongType } from "./arguments.ts";

/** An address of 4 or 16 bytes and a length in bits. */
export interface Prefix {
  readonly bytes: Uint8Array;
  readonly length: number;
}

const PREFIX_TEXT = /^([^/]+)\/(0|[1-9][0-9]{0,2})$/;

/** An address with the length of its network, such as 10.1.0.1/16; throws a TypeError or RangeError that names `name`. */
export function parseAddressWithLength(name: string, text: unknown): Prefix {
  if (typeof text !== "string") throw wrongType(name, "a string", text);
  const match = PREFIX_TEXT.exec(text);
  if (match === null) {
    throw new ArgumentRangeError(
      "malformed",
      name,
      `expected an address and a length such as 10.1.0.1/16, got ${JSON.stringify(text)}`,
    );
  }
  const bytes = parseIp(name, match[1] as string);
  const length = Number(match[2]);
  if (length > bytes.length * 8)
    throw new ArgumentRangeError(
      "out-of-range",
      name,
      `expected a length up to ${bytes.length * 8}, got ${JSON.stringify(text)}`,
    );
  return { bytes, length };
}

/** A prefix such as 10.1.0.0/16; bits behind its length are a RangeError, for nobody knows what was meant. */
export function parsePrefix(name: string, text: unknown): Prefix {
  const prefix = parseAddressWithLength(name, text);
  const network = networkOf(prefix);
  if (network.bytes.some((byte, i) => byte !== prefix.bytes[i])) {
    throw new ArgumentRangeError(
      "malformed",
      name,
      `expected ${formatPrefix(network)} or a longer prefix, got ${text}`,
    );
  }
  return network;
}

/** The prefix with all bits behind its length zero. */
export function networkOf({ bytes, length }: Prefix): Prefix {
  const masked = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))));
  return { bytes: masked, length };
}

/** Is `address` in the network of `prefix`? */
export function prefixHolds(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.bytes.length) return false;
  const network = networkOf({ bytes: address, length: prefix.length });
  return networkOf(prefix).bytes.every((byte, i) => byte === network.bytes[i]);
}

/** Text; IPv6 in its shortest form. */
export function formatPrefix({ bytes, length }: Prefix): string {
  return `${formatIp(bytes)}/${length}`;
}
