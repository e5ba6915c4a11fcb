// An FDB as most would write it: a Map for each bridge domain, from the MAC as a number to the destination.

export class MapFdb {
  readonly #domains: Map<number, Map<number, number>> = new Map();

  insert(bridgeDomain: number, mac: number, destination: number): void {
    let entries = this.#domains.get(bridgeDomain);
    if (entries === undefined) this.#domains.set(bridgeDomain, (entries = new Map()));
    entries.set(mac, destination);
  }

  lookup(bridgeDomain: number, mac: number): number | undefined {
    return this.#domains.get(bridgeDomain)?.get(mac);
  }

  clear(): void {
    this.#domains.clear();
  }
}
