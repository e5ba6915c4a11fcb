// Addresses of UDP as the system has them: `struct sockaddr_in` and `struct sockaddr_in6`.

import { formatIp, parseIp } from "../core/addresses.ts";
import type { AddressEndpoint } from "../sockets/ends.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

const PORT = 2;
const IPV4 = 4;
const IPV6 = 8;
export const IPV4_LENGTH = 16;
export const IPV6_LENGTH = 28;

/** Writes an end at `at`; returns how many bytes it takes. */
export function writeEnd(into: Uint8Array, at: number, address: Uint8Array, port: number): number {
  const isIpv6 = address.length === 16;
  const length = isIpv6 ? IPV6_LENGTH : IPV4_LENGTH;
  into.fill(0, at, at + length);
  into[at] = isIpv6 ? AF_INET6 : AF_INET;
  into[at + PORT] = port >>> 8;
  into[at + PORT + 1] = port & 0xff;
  into.set(address, at + (isIpv6 ? IPV6 : IPV4));
  return length;
}

/** An end, as structure and as family. */
export function socketAddress({ address, port }: AddressEndpoint): Uint8Array<ArrayBuffer> {
  const ip = parseIp("address", address);
  const bytes = new Uint8Array(new ArrayBuffer(ip.length === 16 ? IPV6_LENGTH : IPV4_LENGTH));
  writeEnd(bytes, 0, ip, port);
  return bytes;
}

export function portAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at + PORT] as number) << 8) | (bytes[at + PORT + 1] as number);
}

/** The address in a structure, as bytes. */
export function addressAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes[at] === AF_INET6
    ? bytes.slice(at + IPV6, at + IPV6 + 16)
    : bytes.slice(at + IPV4, at + IPV4 + 4);
}

export function endpointAt(bytes: Uint8Array, at: number): AddressEndpoint {
  return { address: formatIp(addressAt(bytes, at)), port: portAt(bytes, at) };
}
