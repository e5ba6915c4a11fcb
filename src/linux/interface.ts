// A network interface, asked and told by its name: ioctls with the structure `ifreq`, a name and what belongs to it.

import type { Native } from "./libc.ts";

const IFREQ_LENGTH = 40;
const IFREQ_NAME_LENGTH = 16;
const IFREQ_VALUE = 16;

const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCGIFINDEX = 0x8933;
const SIOCSIFHWADDR = 0x8924;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const IFF_UP = 1;
/** What the address of an interface begins with in memory: that it is one of Ethernet. */
const ARPHRD_ETHER = 1;

const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;

/** `ifreq` with a name, and a word behind it. */
export class InterfaceRequest {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(IFREQ_LENGTH));
  readonly #view: DataView = new DataView(this.bytes.buffer);

  constructor(name: string) {
    this.bytes.set(new TextEncoder().encode(name));
  }

  /** As the system has it: it fills in what was left to it. */
  get name(): string {
    const end = this.bytes.indexOf(0);
    return new TextDecoder().decode(this.bytes.subarray(0, Math.min(end, IFREQ_NAME_LENGTH)));
  }

  get flags(): number {
    return this.#view.getUint16(IFREQ_VALUE, true);
  }

  set flags(flags: number) {
    this.#view.setUint16(IFREQ_VALUE, flags, true);
  }

  get number(): number {
    return this.#view.getInt32(IFREQ_VALUE, true);
  }

  set number(number: number) {
    this.#view.setInt32(IFREQ_VALUE, number, true);
  }
}

/** Lets `action` ask and tell interfaces of the namespace that the thread is in. */
export function withInterface<T>(native: Native, name: string, action: (card: Interface) => T): T {
  const { libc, failure } = native;
  const socket = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw failure("socket");
  try {
    return action(new Interface(native, socket, name));
  } finally {
    libc.close(socket);
  }
}

export class Interface {
  readonly #native: Native;
  readonly #socket: number;
  readonly #name: string;

  /** For `withInterface`. */
  constructor(native: Native, socket: number, name: string) {
    this.#native = native;
    this.#socket = socket;
    this.#name = name;
  }

  /** Its number. */
  get index(): number {
    return this.#ask(SIOCGIFINDEX, "SIOCGIFINDEX").number;
  }

  get mtu(): number {
    return this.#ask(SIOCGIFMTU, "SIOCGIFMTU").number;
  }

  set mtu(mtu: number) {
    this.#ask(SIOCSIFMTU, "SIOCSIFMTU", (request) => (request.number = mtu));
  }

  set mac(mac: Uint8Array) {
    this.#ask(SIOCSIFHWADDR, "SIOCSIFHWADDR", (request) => {
      request.flags = ARPHRD_ETHER;
      request.bytes.set(mac, IFREQ_VALUE + 2);
    });
  }

  /** Takes it up. */
  up(): void {
    const { flags } = this.#ask(SIOCGIFFLAGS, "SIOCGIFFLAGS");
    this.#ask(SIOCSIFFLAGS, "SIOCSIFFLAGS", (request) => (request.flags = flags | IFF_UP));
  }

  #ask(number: number, name: string, fill?: (request: InterfaceRequest) => void): InterfaceRequest {
    const request = new InterfaceRequest(this.#name);
    fill?.(request);
    if (this.#native.libc.ioctl(this.#socket, number, request.bytes) < 0) throw this.#native.failure(name);
    return request;
  }
}
