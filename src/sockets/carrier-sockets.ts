// The sockets of a UDP carrier: at each of its addresses one for each port on which it listens, and those that flows
// are spread over. All of them are open, or none.

import type { Socket } from "node:dgram";
import { parseIp } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { Undo } from "../core/undo.ts";
import type { CarrierPlan } from "./carrier-options.ts";
import { boundSocket } from "./datagram-socket.ts";
import type { AddressEndpoint } from "./ends.ts";
import { OuterHeaders } from "./outer-headers.ts";

/** Senders whose headers are kept at each socket; whoever floods with sources costs no more. */
const SENDERS = 1024;

export class CarrierSocket {
  readonly local: AddressEndpoint;
  readonly socket: Socket;
  readonly #address: Uint8Array;
  readonly #headers: Map<string, OuterHeaders> = new Map();

  constructor(socket: Socket) {
    const { address, port } = socket.address();
    this.local = { address, port };
    this.socket = socket;
    this.#address = parseIp("local", address);
  }

  /** Headers in front of what a sender's datagrams carry. */
  headersFrom(sender: string): OuterHeaders {
    const known = this.#headers.get(sender);
    if (known !== undefined) return known;
    if (this.#headers.size === SENDERS) this.#headers.clear();
    const headers = new OuterHeaders(parseIp("sender", sender), this.#address, this.local.port);
    this.#headers.set(sender, headers);
    return headers;
  }
}

/** An address of this machine, and what is open there. */
export class CarrierAddress {
  readonly text: string;
  readonly listening: readonly CarrierSocket[];
  /** Those that flows are spread over; nothing is expected there. */
  readonly spread: readonly CarrierSocket[];

  constructor(text: string, listening: readonly CarrierSocket[], spread: readonly CarrierSocket[]) {
    this.text = text;
    this.listening = listening;
    this.spread = spread;
  }

  get sockets(): readonly CarrierSocket[] {
    return [...this.listening, ...this.spread];
  }

  /** By which one a flow leaves: of those that flows are spread over, or else from the port that it goes to. */
  socketFor(sourcePort: number, destinationPort: number): Socket {
    const { listening, spread } = this;
    if (spread.length > 0) return (spread[sourcePort % spread.length] as CarrierSocket).socket;
    for (const each of listening) if (each.local.port === destinationPort) return each.socket;
    return (listening[0] as CarrierSocket).socket;
  }
}

/** @throws ArgumentError that names the option which the system refuses; then none is open. */
export async function openAddresses({ local, ports, sourcePorts }: CarrierPlan): Promise<CarrierAddress[]> {
  if (local.length === 0 || ports.length === 0) {
    const path = local.length === 0 ? "local" : "ports";
    throw new ArgumentRangeError("out-of-range", path, "expected one at least, got none");
  }
  const undo = new Undo();
  const open = async (address: string, port: number, end: string, ofPort: string): Promise<CarrierSocket> =>
    new CarrierSocket(undo.closes(await boundSocket({ address, port }, { end, address: end, port: ofPort })));
  try {
    const addresses: CarrierAddress[] = [];
    for (const { address, path } of local) {
      const listening: CarrierSocket[] = [];
      for (const each of ports) listening.push(await open(address, each.port, path, each.path));
      const spread: CarrierSocket[] = [];
      while (spread.length < sourcePorts) spread.push(await open(address, 0, path, "sourcePorts"));
      addresses.push(new CarrierAddress(address, listening, spread));
    }
    return addresses;
  } catch (error) {
    throw undo.because(error);
  }
}
