// Text becomes tokens. Where several readings fit, the longest counts, and of two that are as long the one that stands
// first: so `80-90` is a name and no subtraction, `1.2.3.4` an address and `1.2.3.4.5.6` a MAC.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { groupsOfIpv6 } from "../core/ip-text.ts";
import { expected, quoted, syntaxError } from "./syntax-error.ts";
import { CONSTANTS, SPELLINGS, WORDS } from "./words.ts";

export type Token = { readonly at: number; readonly text: string } & (
  | { readonly type: "symbol" }
  | { readonly type: "word" }
  | { readonly type: "name" }
  | { readonly type: "end" }
  | { readonly type: "number"; readonly value: number }
  /** One to four numbers with dots between: those that are missing are no part of it. */
  | { readonly type: "ipv4"; readonly value: number; readonly bits: number }
  /** Four words of 32 bits. */
  | { readonly type: "ipv6"; readonly value: readonly number[] }
  | { readonly type: "mac"; readonly value: readonly number[] }
);

/** A text that is longer is not looked at. */
export const TEXT_MOST = 1_000_000;
/** Nor is one read on that has more words, numbers and signs: what is made of them would take seconds, and a gigabyte. */
const TOKENS_MOST = 30_000;

const SPACE = /[ \t\r\n]+/y;
const SYMBOL = /&&|\|\||<<|>>|<=|>=|==|!=|[-+*/%^&|!()[\]:<>=,{}]/y;
const NUMBER = /0[xX][0-9a-fA-F]+|[0-9]+/y;
const IPV4 = /[0-9]+(?:\.[0-9]+){1,3}/y;
const MACS: readonly RegExp[] = [
  /[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}/y,
  /[0-9a-fA-F]{1,2}(?:-[0-9a-fA-F]{1,2}){5}/y,
  /[0-9a-fA-F]{1,2}(?:\.[0-9a-fA-F]{1,2}){5}/y,
  /[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}/y,
  /[0-9a-fA-F]{12}/y,
];
const IPV6 = /[0-9a-fA-F:]{0,38}:[0-9a-fA-F:.]{0,45}/y;
const NAME = /[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/y;
const ESCAPED = /\\[^ !()\n\t]+/y;

const SAME: ReadonlyMap<string, string> = new Map([
  ["&&", "and"],
  ["||", "or"],
  ["!", "not"],
  ["==", "="],
]);

/** All tokens of a text, with one of type `end` behind them. */
export function tokensOf(text: string): Token[] {
  if (text.length > TEXT_MOST)
    throw syntaxError(TEXT_MOST, `expected at most ${TEXT_MOST} characters, got ${text.length}`);
  const tokens: Token[] = [];
  for (let at = skip(text, 0); at < text.length; ) {
    if (tokens.length === TOKENS_MOST)
      throw new ArgumentRangeError(
        "full",
        "expression",
        `at ${at}: expected at most ${TOKENS_MOST} words, numbers and signs`,
      );
    const token = tokenAt(text, at);
    tokens.push(token);
    // What a token says may be less than what stands there: `\tcp` is the name tcp.
    at = skip(text, at + lengthAt(text, at, token));
  }
  tokens.push({ type: "end", at: text.length, text: "" });
  return tokens;
}

function tokenAt(text: string, at: number): Token {
  const first = text.charAt(at);
  if (/[g-zG-Z]/.test(first)) return nameOf(read(NAME, text, at), at);
  if (!/[0-9a-fA-F]/.test(first) && !text.startsWith("::", at)) return otherAt(text, at);
  const name = read(NAME, text, at);
  const number = read(NUMBER, text, at);
  const ipv4 = read(IPV4, text, at);
  const ipv6 = ipv6At(text, at);
  const mac = MACS.map((form) => read(form, text, at)).reduce((a, b) => (b.length > a.length ? b : a));
  const longest = Math.max(name.length, number.length, ipv4.length, ipv6.length, mac.length);
  if (longest === 0) return otherAt(text, at);
  if (number.length === longest) return { type: "number", at, text: number, value: numberOf(number, at) };
  if (ipv4.length === longest) return ipv4Of(ipv4, at);
  if (ipv6.length === longest)
    return { type: "ipv6", at, text: ipv6, value: wordsOf(groupsOfIpv6(ipv6) as readonly number[]) };
  if (mac.length === longest) return { type: "mac", at, text: mac, value: macOf(mac) };
  return nameOf(name, at);
}

/** The four words of 32 bits of an IPv6 address. */
function wordsOf(groups: readonly number[]): readonly number[] {
  return [0, 2, 4, 6].map((i) => (groups[i] as number) * 0x10000 + (groups[i + 1] as number));
}

function nameOf(name: string, at: number): Token {
  const constant = CONSTANTS.get(name);
  if (constant !== undefined) return { type: "number", at, text: name, value: constant };
  const word = SPELLINGS.get(name) ?? (name === "length" ? "len" : name);
  return { type: WORDS.has(name) ? "word" : "name", at, text: word };
}

/** What begins with neither a letter nor a digit. */
function otherAt(text: string, at: number): Token {
  const symbol = read(SYMBOL, text, at);
  if (symbol !== "") {
    const same = SAME.get(symbol) ?? symbol;
    return { type: /^[a-z]/.test(same) ? "word" : "symbol", at, text: same };
  }
  const escaped = read(ESCAPED, text, at);
  if (escaped !== "") return { type: "name", at, text: escaped.slice(1) };
  throw expected("an expression", at, text.slice(at, at + 1));
}

function lengthAt(text: string, at: number, token: Token): number {
  if (token.type === "word" || token.type === "name" || token.type === "symbol") {
    for (const form of [NAME, SYMBOL, ESCAPED]) {
      const { length } = read(form, text, at);
      if (length > 0) return length;
    }
  }
  return token.text.length;
}

function skip(text: string, at: number): number {
  return at + read(SPACE, text, at).length;
}

function read(form: RegExp, text: string, at: number): string {
  form.lastIndex = at;
  return form.exec(text)?.[0] ?? "";
}

/** The longest text from `at` on that is an IPv6 address: a colon behind it may be that of `ip6[1:2]`. */
function ipv6At(text: string, at: number): string {
  let found = read(IPV6, text, at).slice(0, 45);
  const colons = found.indexOf(":::");
  if (colons >= 0) found = found.slice(0, colons + 2);
  while (found.includes(":") && groupsOfIpv6(found) === undefined) found = found.slice(0, -1);
  return found.includes(":") ? found : "";
}

function numberOf(text: string, at: number): number {
  const octal = /^0[0-9]/.test(text);
  if (octal && /[89]/.test(text)) throw expected("an octal number", at, text);
  const value = octal ? Number.parseInt(text, 8) : Number(text);
  if (value > 0xffffffff) throw expected("a number below 2^32", at, text);
  return value;
}

function ipv4Of(text: string, at: number): Token {
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255))
    throw syntaxError(at, `expected an IPv4 address, got ${quoted(text)}`);
  const value = parts.reduce((sum, part) => sum * 256 + part, 0);
  return { type: "ipv4", at, text, value, bits: parts.length * 8 };
}

function macOf(text: string): number[] {
  if (/^[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.|^[0-9a-fA-F]{12}$/.test(text)) {
    const digits = text.replaceAll(".", "");
    return Array.from({ length: 6 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  }
  return text.split(/[-:.]/).map((part) => Number.parseInt(part, 16));
}
