// Rows of options that are addresses. They stand apart from the others, because not everybody needs what reads addresses.

import {
  type IpAddress,
  type MacAddress,
  parseIp,
  parseMac,
  parseStation,
  parseStationMac,
} from "./addresses.ts";
import type { Kind } from "./fields.ts";
import { parseAddressWithLength } from "./prefixes.ts";

/** A MAC address as text or six bytes. */
export function mac(): Kind<MacAddress> {
  const check = (path: string, value: unknown): MacAddress => {
    parseMac(path, value as MacAddress);
    return value as MacAddress;
  };
  return { expected: "a MAC address such as 02:00:00:00:00:01", check, parse: check };
}

/** An IPv4 or IPv6 address as text, 4 or 16 bytes. */
export function ip(): Kind<IpAddress> {
  const check = (path: string, value: unknown): IpAddress => {
    parseIp(path, value as IpAddress);
    return value as IpAddress;
  };
  return { expected: "an IPv4 or IPv6 address", check, parse: check };
}

/** The address of one station: no group's, and not nobody's. */
export function station(): Kind<IpAddress> {
  const check = (path: string, value: unknown): IpAddress => {
    parseStation(path, value as IpAddress);
    return value as IpAddress;
  };
  return { expected: "an IPv4 or IPv6 address", check, parse: check };
}

/** The MAC of one station. */
export function stationMac(): Kind<MacAddress> {
  const check = (path: string, value: unknown): MacAddress => {
    parseStationMac(path, value as MacAddress);
    return value as MacAddress;
  };
  return { expected: "a MAC address such as 02:00:00:00:00:01", check, parse: check };
}

/** An address with the length of its network. */
export function prefix(): Kind<string> {
  const check = (path: string, value: unknown): string => {
    parseAddressWithLength(path, value);
    return value as string;
  };
  return { expected: "an address and a length such as 10.1.0.1/16", check, parse: check };
}
