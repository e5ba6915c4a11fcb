// What a thread of the FDB litmus is told, and which keys and destinations there are.

export interface FdbTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Addresses: the table, this thread's context, its reader's epoch, and room for frames and keys. */
  readonly fdb: number;
  readonly context: number;
  readonly reader: number;
  readonly scratch: number;
  /** Its number for the lock, from 1. */
  readonly thread: number;
  readonly domains: number;
  /** Address of the first bucket, and how many there are. */
  readonly table: number;
  readonly buckets: number;
  readonly turns: number;
  readonly seed: number;
}

/** Stations in every bridge domain. Domain d is VLAN d on all ports, which are trunks. */
export const STATIONS = 4;
export const PORTS = 8;
export const BURST = 32;
/** Room for one frame, headroom included. */
export const SLOT = 192;
export const FRAME = 64;
/** Entries that only one thread touches, so that it knows what must be there. */
export const OWN = 8;
const SCRATCH_KEYS = 8192;
export const KEYS = 64;
export const SCRATCH: number = SCRATCH_KEYS + KEYS * 16;

/** Where descriptors, frames, keys and values lie in a thread's room. */
export function roomOf(scratch: number): {
  descriptors: number;
  frames: number;
  keys: number;
  values: number;
} {
  const keys = scratch + SCRATCH_KEYS;
  return { descriptors: scratch, frames: scratch + BURST * 64, keys, values: keys + KEYS * 8 };
}

/** A key's first four bytes: the MAC's first two are 02:00, then the station, then who owns it, if one thread does. */
export function writeKey(view: DataView, at: number, domain: number, station: number, owner = 0): void {
  view.setUint16(at, 0x0200);
  view.setUint16(at + 2, owner);
  view.setUint16(at + 4, station);
  view.setUint16(at + 6, domain, true);
}

/** Which ports a station may be seen at: two of them, and those of no other station of the domain. */
export function portOf(station: number, which: number): number {
  return 1 + station + STATIONS * (which & 1);
}

/** Whether a destination can be that of this station: it says which key it belongs to. */
export function belongs(destination: number, domain: number, station: number): boolean {
  const port = destination & 0xffff;
  return destination >>> 16 === domain && port >= 1 && port <= PORTS && (port - 1) % STATIONS === station;
}
