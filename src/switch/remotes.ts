// Who may send into which bridge domain: a table from outer source address and VNI to tunnel and domain.

import { Fdb } from "../fdb/fdb.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { KEY_LENGTH } from "../layout/fdb.layout.ts";
import {
  REMOTE_DOMAIN_SHIFT,
  REMOTE_IPV4,
  REMOTE_IPV6,
  REMOTE_VNI,
  SWITCH_REMOTES,
} from "../layout/switch.layout.ts";
import { condensed } from "./condense.ts";
import type { SwitchMemory } from "./switch-memory.ts";

export class Remotes {
  readonly #memory: SwitchMemory;
  /** What is in the table, by the text of each key: a switch may have thousands, and text is what maps hold best. */
  readonly #entries: Map<string, number> = new Map();
  readonly #destination: Uint32Array = new Uint32Array(1);
  #table: Fdb;

  constructor(memory: SwitchMemory) {
    this.#memory = memory;
    this.#table = new Fdb(memory.kernels, { capacity: 16 });
    memory.set(SWITCH_REMOTES, this.#table.address);
  }

  /** Lets the remote of tunnel `port` send into a bridge domain. */
  allow(remote: Uint8Array, vni: number, port: number, domain: number): void {
    const destination = (port | (domain << REMOTE_DOMAIN_SHIFT)) >>> 0;
    this.#insert(remoteKey(remote, vni), destination);
  }

  refuse(remote: Uint8Array, vni: number): void {
    this.#remove(remoteKey(remote, vni));
  }

  /** Says that a VNI is one of ours, so that a packet from elsewhere gets the right reason. */
  addVni(vni: number, domain: number): void {
    this.#insert(vniKey(vni), domain);
  }

  removeVni(vni: number): void {
    this.#remove(vniKey(vni));
  }

  close(): void {
    this.#table.close();
  }

  #insert(key: Uint8Array, destination: number): void {
    this.#destination[0] = destination;
    if (this.#table.insertMany(key, this.#destination) === 0) {
      this.#grow();
      this.#table.insertMany(key, this.#destination);
    }
    this.#entries.set(textOf(key), destination);
  }

  #remove(key: Uint8Array): void {
    this.#entries.delete(textOf(key));
    this.#table.removeMany(key);
  }

  /** Nothing is read between two bursts, so the table can be replaced by a larger one. */
  #grow(): void {
    const kernels: Kernels = this.#memory.kernels;
    const larger = new Fdb(kernels, { capacity: 2 * this.#table.capacity });
    const keys = new Uint8Array(this.#entries.size * KEY_LENGTH);
    const destinations = new Uint32Array(this.#entries.size);
    let index = 0;
    for (const [text, destination] of this.#entries) {
      for (let i = 0; i < KEY_LENGTH; i++) keys[index * KEY_LENGTH + i] = text.charCodeAt(i);
      destinations[index++] = destination;
    }
    larger.insertMany(keys, destinations);
    this.#memory.set(SWITCH_REMOTES, larger.address);
    this.#table.close();
    this.#table = larger;
  }
}

function remoteKey(remote: Uint8Array, vni: number): Uint8Array {
  const key = new Uint8Array(KEY_LENGTH);
  const view = new DataView(key.buffer);
  if (remote.length === 4) key.set(remote);
  else view.setUint32(0, condensed(remote), true);
  view.setUint32(4, vni, true);
  key[7] = remote.length === 4 ? REMOTE_IPV4 : REMOTE_IPV6;
  return key;
}

/** A character for each byte. */
function textOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function vniKey(vni: number): Uint8Array {
  const key = new Uint8Array(KEY_LENGTH).fill(0xff, 0, 4);
  new DataView(key.buffer).setUint32(4, vni, true);
  key[7] = REMOTE_VNI;
  return key;
}
