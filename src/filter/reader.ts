// Goes through the tokens of a text, and looks ahead where the grammar needs that: each pair of parentheses is known from
// the start, so that no text is read twice.

import { expected, syntaxError } from "./syntax-error.ts";
import { type Token, tokensOf } from "./tokens.ts";

/** Parentheses, brackets and signs within one another: what is deeper would end the stack instead. */
export const DEPTH_MOST = 200;

const OPERATORS: ReadonlySet<string> = new Set([
  ...["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"],
  ...["=", "!=", ">", ">=", "<", "<="],
]);

/** Words with which a term begins though they are no reserved ones: in libpcap an id would have to follow something. */
const EXTENSIONS: ReadonlySet<string> = new Set([
  ...["outer", "inner", "any", "layer", "vni", "gre", "tunnel", "depth", "mark", "verdict", "reason"],
]);
/** Those behind which more must stand for that: a protocol has the same name. */
const FOLLOWED: ReadonlyMap<string, string> = new Map([["gre", "key"]]);

export class Reader {
  readonly #tokens: readonly Token[];
  /** Of each opening parenthesis: the index of the one that closes it. */
  readonly #closing: Map<number, number> = new Map();
  #next = 0;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokensOf(text);
    const open: number[] = [];
    for (const [index, token] of this.#tokens.entries()) {
      if (token.type !== "symbol") continue;
      if (token.text === "(") open.push(index);
      if (token.text === ")") this.#closing.set(open.pop() ?? -1, index);
    }
  }

  /** The next token, which stays. */
  get token(): Token {
    return this.ahead(0);
  }

  /** The one behind so many others. */
  ahead(count: number): Token {
    return this.#tokens[Math.min(this.#next + count, this.#tokens.length - 1)] as Token;
  }

  take(): Token {
    const token = this.token;
    if (token.type !== "end") this.#next++;
    return token;
  }

  /** Whether the next token is this symbol or word. */
  at(...texts: readonly string[]): boolean {
    const { type, text } = this.token;
    return (type === "symbol" || type === "word") && texts.includes(text);
  }

  /** Takes the next token if it is this symbol or word. */
  taken(text: string): boolean {
    if (!this.at(text)) return false;
    this.#next++;
    return true;
  }

  /** Takes this symbol or word, which has to be there. */
  expect(text: string): void {
    if (!this.taken(text)) throw this.unexpected(JSON.stringify(text));
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.token.type !== "end") throw this.unexpected("and, or, or the end");
  }

  /** The error for the next token. */
  unexpected(what: string): Error {
    return expected(what, this.token.at, this.token.text);
  }

  number(what: string, most: number): number {
    const token = this.token;
    if (token.type !== "number") throw this.unexpected(what);
    if (token.value > most) throw expected(`${what} up to ${most}`, token.at, token.text);
    this.#next++;
    return token.value;
  }

  /** Runs what is one level deeper. */
  deeper<T>(action: () => T): T {
    if (++this.#depth > DEPTH_MOST)
      throw syntaxError(this.token.at, `expected at most ${DEPTH_MOST} parentheses within one another`);
    const result = action();
    this.#depth--;
    return result;
  }

  /** Whether the parentheses that open here hold a number, and not a condition: an operator stands behind them. */
  get opensValue(): boolean {
    const end = this.#closing.get(this.#next);
    return end !== undefined && isOperator(this.#tokens[end + 1]);
  }

  /**
   * Whether an address, a name or a list of them begins here, for which qualifiers are to be carried on. A number does if
   * it is no part of a relation.
   */
  get startsId(): boolean {
    let index = this.#next;
    // What opens more is refused when it is read.
    for (const end = index + 2 * DEPTH_MOST; index < end; index++) {
      const { type, text } = this.ahead(index - this.#next);
      const passed = (type === "symbol" && text === "(") || (type === "word" && text === "not");
      if (!passed) break;
    }
    const { type } = this.ahead(index - this.#next);
    if (type === "name" && this.#isExtension(index)) return false;
    if (type !== "number") return type === "name" || type === "ipv4" || type === "ipv6" || type === "mac";
    for (index++; this.#tokens[index]?.text === ")"; ) index++;
    return !isOperator(this.#tokens[index]);
  }

  #isExtension(index: number): boolean {
    const { text } = this.#tokens[index] as Token;
    const follower = FOLLOWED.get(text);
    return EXTENSIONS.has(text) && (follower === undefined || this.#tokens[index + 1]?.text === follower);
  }

  /** Whether an operator stands behind the next token. */
  get operatorFollows(): boolean {
    return isOperator(this.ahead(1));
  }
}

function isOperator(token: Token | undefined): boolean {
  return token?.type === "symbol" && OPERATORS.has(token.text);
}
