// The switch's FDB as a Map, and lists in the order of learning.

export const STAMPS = 2 ** 24;

export interface EntryModel {
  readonly domain: number;
  readonly mac: string;
  kind: "learned" | "static" | "blackhole";
  /** Undefined for a blackhole. */
  port: number | undefined;
  stamp: number;
}

export interface EventModel {
  readonly kind: "learned" | "moved" | "aged" | "evicted";
  readonly bridgeDomain: number;
  readonly mac: string;
  readonly port: number;
  readonly from?: number;
  readonly seconds: number;
}

interface Place {
  readonly entry: EntryModel;
  /** Of the entry when it was put here. */
  stamp: number;
}

export interface FdbRules {
  readonly capacity: number;
  readonly ageSeconds: number;
  readonly whenFull: "evict" | "forward";
  readonly events: number;
}

/** Where a source was seen, and the limits that hold there. */
export interface Sighting {
  readonly domain: number;
  readonly mac: string;
  readonly port: number;
  readonly stamp: number;
  readonly portLimit: number | undefined;
  readonly domainLimit: number | undefined;
}

export class FdbModel {
  readonly rules: FdbRules;
  readonly entries = new Map<string, EntryModel>();
  /** Of each port: its learned entries, those learned or moved first in front. */
  readonly #places = new Map<number, Place[]>();
  refused = 0;
  lostEvents = 0;
  #events: EventModel[] = [];

  constructor(rules: FdbRules) {
    this.rules = rules;
  }

  get(domain: number, mac: string): EntryModel | undefined {
    return this.entries.get(keyOf(domain, mac));
  }

  /** Learns, refreshes or moves; returns the reason for which the frame must be dropped, if there is one. */
  learn(seen: Sighting): "source-static" | "blackhole" | undefined {
    const entry = this.get(seen.domain, seen.mac);
    if (entry === undefined) {
      this.#add(seen);
      return undefined;
    }
    if (entry.kind === "blackhole") return "blackhole";
    if (entry.kind === "static") return entry.port === seen.port ? undefined : "source-static";
    if (entry.port === seen.port) {
      entry.stamp = seen.stamp;
      return undefined;
    }
    if (this.#isFull(seen.portLimit, this.#list(seen.port).length)) {
      this.refused++;
      return undefined;
    }
    const from = entry.port!;
    this.#forget(entry);
    entry.port = seen.port;
    entry.stamp = seen.stamp;
    this.#list(seen.port).push({ entry, stamp: seen.stamp });
    this.#tell({
      kind: "moved",
      bridgeDomain: seen.domain,
      mac: seen.mac,
      port: seen.port,
      from,
      seconds: seen.stamp,
    });
    return undefined;
  }

  #add(seen: Sighting): void {
    const { domain, mac, port, stamp } = seen;
    if (
      this.#isFull(seen.portLimit, this.#list(port).length) ||
      (seen.domainLimit !== undefined && this.#isFull(seen.domainLimit, this.learnedIn(domain))) ||
      (this.entries.size >= this.rules.capacity && !this.#evict(stamp))
    ) {
      this.refused++;
      return;
    }
    const entry: EntryModel = { domain, mac, kind: "learned", port, stamp };
    this.entries.set(keyOf(domain, mac), entry);
    this.#list(port).push({ entry, stamp });
    this.#tell({ kind: "learned", bridgeDomain: domain, mac, port, seconds: stamp });
  }

  #isFull(limit: number | undefined, learned: number): boolean {
    return limit !== undefined && learned >= limit;
  }

  learnedIn(domain: number): number {
    let learned = 0;
    for (const entry of this.entries.values())
      if (entry.domain === domain && entry.kind === "learned") learned++;
    return learned;
  }

  /** Makes room by the second chance; false if nothing may go. */
  #evict(now: number): boolean {
    if (this.rules.whenFull === "forward") return false;
    let most = 0;
    let victims: Place[] = [];
    for (const port of [...this.#places.keys()].sort((a, b) => a - b)) {
      if (this.#list(port).length > most) {
        victims = this.#list(port);
        most = victims.length;
      }
    }
    if (most === 0) return false;
    for (let chances = 64; chances > 0 && victims[0]!.stamp !== victims[0]!.entry.stamp; chances--) {
      const { entry } = victims.shift()!;
      victims.push({ entry, stamp: entry.stamp });
    }
    const { entry } = victims[0]!;
    this.delete(entry);
    this.#tell({
      kind: "evicted",
      bridgeDomain: entry.domain,
      mac: entry.mac,
      port: entry.port!,
      seconds: now,
    });
    return true;
  }

  /** Enters a static entry, or a blackhole where there is no port, in place of what was there. */
  set(domain: number, mac: string, port: number | undefined): void {
    const old = this.get(domain, mac);
    if (old === undefined && this.entries.size >= this.rules.capacity)
      throw new RangeError("mac: the FDB is full");
    if (old !== undefined) this.delete(old);
    const kind = port === undefined ? "blackhole" : "static";
    this.entries.set(keyOf(domain, mac), { domain, mac, kind, port, stamp: 0 });
  }

  delete(entry: EntryModel): void {
    this.entries.delete(keyOf(entry.domain, entry.mac));
    if (entry.kind === "learned") this.#forget(entry);
  }

  /** Deletes what `goes` says; returns how many. */
  deleteWhere(goes: (entry: EntryModel) => boolean): number {
    const going = [...this.entries.values()].filter(goes);
    for (const entry of going) this.delete(entry);
    return going.length;
  }

  sweep(now: number): number {
    const { ageSeconds } = this.rules;
    if (ageSeconds === 0) return 0;
    return this.deleteWhere((entry) => {
      const age = (now - entry.stamp + STAMPS) % STAMPS;
      if (entry.kind !== "learned" || age < ageSeconds) return false;
      this.#tell({
        kind: "aged",
        bridgeDomain: entry.domain,
        mac: entry.mac,
        port: entry.port!,
        seconds: now,
      });
      return true;
    });
  }

  takeEvents(): EventModel[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #tell(event: EventModel): void {
    if (this.#events.length < this.rules.events) this.#events.push(event);
    else if (this.rules.events > 0) this.lostEvents++;
  }

  #list(port: number): Place[] {
    let list = this.#places.get(port);
    if (list === undefined) {
      list = [];
      this.#places.set(port, list);
    }
    return list;
  }

  #forget(entry: EntryModel): void {
    const list = this.#list(entry.port!);
    list.splice(
      list.findIndex((place) => place.entry === entry),
      1,
    );
  }
}

function keyOf(domain: number, mac: string): string {
  return `${domain}/${mac}`;
}
