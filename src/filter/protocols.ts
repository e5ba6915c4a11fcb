// What the names of protocols mean: a type of Ethernet, a protocol of IP, or one of ISO's.

import { all, any, anyOf, type Formula, field } from "./formula.ts";
import { behind, ofIpv4Protocol, ofIpv6Protocol, ofType, type Place, SAP_ISO } from "./place.ts";
import { syntaxError } from "./syntax-error.ts";
import { ETHER_TYPES, IP_WORDS, ISIS_TYPES, ISO_PROTOCOLS } from "./words.ts";

const ISIS = 0x83;

export function ofProtocol(place: Place, name: string, at: number): Formula {
  const type = ETHER_TYPES[name];
  if (type !== undefined) return ofType(place, type, at);
  const protocol = IP_WORDS[name];
  if (protocol !== undefined) return ofIpProtocol(place, ...protocol, at);
  const iso = ISO_PROTOCOLS[name];
  if (iso !== undefined) return ofIsoProtocol(place, iso, at);
  const isis = ISIS_TYPES[name];
  if (isis !== undefined) return ofIsisTypes(place, isis, at);
  throw syntaxError(at, `expected more behind ${name}, such as host or proto`);
}

export function ofIpProtocol(place: Place, number: number, over: "ip" | "ip6" | "both", at: number): Formula {
  if (over === "ip") return ofIpv4Protocol(place, number, at);
  if (over === "ip6") return ofIpv6Protocol(place, number, at);
  return any(ofIpv4Protocol(place, number, at), ofIpv6Protocol(place, number, at));
}

/** Behind the three bytes of LLC; PPP has none. */
function isoHeader(place: Place): Place["payload"] {
  return place.link === "ppp" ? place.payload : behind(place.payload, 3);
}

export function ofIsoProtocol(place: Place, number: number, at: number): Formula {
  return all(ofType(place, SAP_ISO, at), field(isoHeader(place), 0, 1, number));
}

export function ofIsisTypes(place: Place, numbers: readonly number[], at: number): Formula {
  const types = numbers.map((number) => field(isoHeader(place), 4, 1, number));
  return all(ofIsoProtocol(place, ISIS, at), anyOf(types));
}
