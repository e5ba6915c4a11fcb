// Rules as text: what in the filter language is a conjunction of addresses, ports, protocols and VLANs.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { RULE_PROTOCOLS, type RuleMatch, type RuleProtocol } from "./rule-match.ts";

type Parts = { -readonly [K in keyof RuleMatch]: RuleMatch[K] };

const TEXT_MAXIMUM = 1000;

const ETHER_TYPES: Readonly<Record<string, number>> = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806 };

/** Forms of a term, tried one after the other. */
const TERMS: readonly (readonly [RegExp, (words: readonly string[]) => Parts])[] = [
  [/^(src|dst) (?:host |net )?([0-9a-f.:]+(?:\/\d+)?)$/, ([side, address]) => ({ [end(side)]: address })],
  [/^(src|dst) port (\d+)$/, ([side, port]) => ({ [`${end(side)}Port`]: Number(port) })],
  [
    /^(src|dst) portrange (\d+)-(\d+)$/,
    ([side, from, to]) => ({ [`${end(side)}Port`]: [Number(from), Number(to)] }),
  ],
  [/^ether (src|dst) (?:host )?(\S+)$/, ([side, mac]) => ({ [`${end(side)}Mac`]: mac })],
  [/^ether proto (0x[0-9a-f]+|\d+)$/, ([type]) => ({ etherType: Number(type) })],
  [/^vlan (\d+)$/, ([vid]) => ({ vlan: Number(vid) })],
  [/^(?:ip |ip6 )?proto (\d+)$/, ([protocol]) => ({ protocol: Number(protocol) })],
  [/^(ip6?|arp)$/, ([name = ""]) => ({ etherType: ETHER_TYPES[name] })],
  [
    new RegExp(`^(${Object.keys(RULE_PROTOCOLS).join("|")})$`),
    ([name]) => ({ protocol: name as RuleProtocol }),
  ],
];

/** In front of ports a protocol may stand: `tcp dst port 80`. */
const PROTOCOL_FIRST = /^(tcp|udp|sctp) ((?:src|dst) port(?:range)? .*)$/;

/** @throws RangeError that says which term cannot be read. */
export function matchOfText(path: string, text: string): RuleMatch {
  if (text.length > TEXT_MAXIMUM)
    throw new ArgumentRangeError("full", path, `expected at most ${TEXT_MAXIMUM} characters`);
  const match: Parts = {};
  for (const term of text
    .trim()
    .toLowerCase()
    .split(/\s+(?:and|&&)\s+/)) {
    const [, protocol, rest = term] = PROTOCOL_FIRST.exec(term) ?? [];
    const terms = protocol === undefined ? [term] : [protocol, rest];
    for (const one of terms) {
      const parts = partsOf(path, one.replace(/\s+/g, " "));
      for (const name of Object.keys(parts))
        if (Object.hasOwn(match, name))
          throw new ArgumentRangeError("malformed", path, `${JSON.stringify(one)} says again what was said`);
      Object.assign(match, parts);
    }
  }
  return match;
}

function partsOf(path: string, term: string): Parts {
  for (const [form, parts] of TERMS) {
    const found = form.exec(term);
    if (found !== null) return parts(found.slice(1));
  }
  throw new ArgumentRangeError(
    "malformed",
    path,
    `expected terms such as "src net 10.0.0.0/8", "tcp dst port 80", "vlan 5" with "and" between, got ${JSON.stringify(term)}`,
  );
}

function end(side: string | undefined): "source" | "destination" {
  return side === "src" ? "source" : "destination";
}
