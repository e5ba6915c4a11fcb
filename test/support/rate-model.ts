// Limits of rates, once more: not as buckets that fill up, but by the time at which the next frame is due (the virtual
// scheduling algorithm of ITU-T I.371), multiplied by the rate so that it is a whole number.

export interface ModelLimit {
  /** Of frames or bits. */
  readonly perSecond: bigint;
  readonly burst: bigint;
}

const GIGA = 1_000_000_000n;

interface Account {
  /** The clock of those who came before. */
  now: bigint;
  readonly due: { frames: bigint; bits: bigint };
}

export class RateModel {
  readonly #frames: ModelLimit | undefined;
  readonly #bits: ModelLimit | undefined;
  readonly #capacity: number;
  /** The one that was used last stands at the end. */
  readonly #accounts: Map<string, Account> = new Map();
  forgotten = 0;

  /** Without a capacity nothing is forgotten. */
  constructor(
    frames: ModelLimit | undefined,
    bits: ModelLimit | undefined,
    capacity: number = Number.POSITIVE_INFINITY,
  ) {
    this.#frames = frames;
    this.#bits = bits;
    this.#capacity = capacity;
  }

  /** Whether a frame of so many bytes goes on. */
  takes(key: string, time: bigint, bytes: number): boolean {
    const account = this.#account(key, time);
    const due = {
      frames: this.#next(this.#frames, account.due.frames, account.now, 1n),
      bits: this.#next(this.#bits, account.due.bits, account.now, 8n * BigInt(bytes)),
    };
    if (due.frames === undefined || due.bits === undefined) return false;
    account.due.frames = due.frames;
    account.due.bits = due.bits;
    return true;
  }

  #next(limit: ModelLimit | undefined, due: bigint, now: bigint, cost: bigint): bigint | undefined {
    if (limit === undefined) return due;
    const scaled = now * limit.perSecond;
    const next = (due > scaled ? due : scaled) + cost * GIGA;
    return next - scaled > limit.burst * GIGA ? undefined : next;
  }

  #account(key: string, time: bigint): Account {
    const known = this.#accounts.get(key);
    if (known === undefined) {
      if (this.#accounts.size >= this.#capacity) this.#forget(time);
      const fresh = { now: time, due: { frames: 0n, bits: 0n } };
      this.#accounts.set(key, fresh);
      return fresh;
    }
    this.#tick(known, time);
    return known;
  }

  #tick(account: Account, time: bigint): void {
    if (time > account.now) account.now = time;
    else if (time !== 0n && account.now - time > GIGA) {
      // Another clock: what is due is so in as long a time as it was.
      const back = account.now - time;
      account.due.frames -= back * (this.#frames?.perSecond ?? 0n);
      account.due.bits -= back * (this.#bits?.perSecond ?? 0n);
      account.now = time;
    }
  }

  /** The account of the earliest time gives way; of several the one that came first. */
  #forget(time: bigint): void {
    const [[oldest, account]] = [...this.#accounts].sort(([, a], [, b]) =>
      a.now < b.now ? -1 : a.now > b.now ? 1 : 0,
    ) as [[string, Account]];
    this.#tick(account, time);
    const { now, due } = account;
    if (due.frames > now * (this.#frames?.perSecond ?? 0n) || due.bits > now * (this.#bits?.perSecond ?? 0n))
      this.forgotten++;
    this.#accounts.delete(oldest);
  }
}
