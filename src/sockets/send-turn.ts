// What is sent by datagrams in one turn of the event loop. What the kernel takes at once is still reported a moment later,
// and a sender that goes on as soon as it hears so would let nobody read. So a port sends a bounded share each turn, and
// libuv, which keeps no copy of what it sends later, gets copies that stay what they are as long as it has one of them.

/** Most bytes of one UDP datagram over IPv4: 65,535 without the two headers. */
export const DATAGRAM_LENGTH = 65507;

/** Frames that are sent in one turn: libuv reads as many, so that two ports of one process keep pace. */
const TURN_FRAMES = 32;
/** Bytes that are sent in one turn, and lie in libuv's hands at most. */
const TURN_BYTES: number = DATAGRAM_LENGTH;

export class SendTurn {
  readonly #over: () => void;
  readonly #copies: Uint8Array = new Uint8Array(TURN_BYTES);
  #copied = 0;
  #frames = 0;
  #underWay = 0;
  /** Whether the turn's end is coming: two of them would be two shares in one turn. */
  #isEnding = false;

  /** `over` is called whenever there is room again. */
  constructor(over: () => void) {
    this.#over = over;
  }

  /** Copies of which nothing has been heard. */
  get underWay(): number {
    return this.#underWay;
  }

  /** A copy, which is under way from now on; undefined if this turn's share has gone. None is longer than a datagram. */
  take(bytes: Uint8Array): Uint8Array | undefined {
    const end = this.#copied + bytes.length;
    if (this.#frames === TURN_FRAMES || end > TURN_BYTES) return undefined;
    const copy = this.#copies.subarray(this.#copied, end);
    copy.set(bytes);
    this.#copied = end;
    this.#frames++;
    this.#underWay++;
    return copy;
  }

  /** The kernel or an error has one of them. */
  done(): void {
    if (--this.#underWay > 0 || this.#isEnding) return;
    this.#isEnding = true;
    setImmediate(() => this.#next());
  }

  /** There is room again, when nobody needs the copies any more. */
  #next(): void {
    this.#isEnding = false;
    if (this.#underWay > 0) return;
    this.#copied = 0;
    this.#frames = 0;
    this.#over();
  }
}
