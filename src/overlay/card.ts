// A machine's network card: what goes out, what came in, and the counts of both.

import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import type { Clock } from "./clock.ts";
import type { OneWay } from "./link.ts";
import { History, type ReceivedDatagram, type ReceivedFrame } from "./received.ts";
import type { Station } from "./station.ts";

export class Card implements Station {
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly clock: Clock;
  readonly frames: History<ReceivedFrame>;
  readonly datagrams: History<ReceivedDatagram>;
  /** By which frames leave. */
  wayOut: OneWay | undefined = undefined;
  receivedCount = 0;
  sentCount = 0;
  foreignCount = 0;
  malformedCount = 0;
  unconnectedCount = 0;

  constructor(mac: Uint8Array, mtu: number, history: number, clock: Clock) {
    this.mac = mac;
    this.mtu = mtu;
    this.clock = clock;
    this.frames = new History(history);
    this.datagrams = new History(history);
  }

  transmit(frame: Uint8Array): void {
    if (this.wayOut === undefined) this.unconnectedCount++;
    else {
      this.sentCount++;
      this.wayOut.send(frame);
    }
  }

  deliver(datagram: ReceivedDatagram): void {
    this.datagrams.add(datagram);
  }

  malformed(): void {
    this.malformedCount++;
  }

  foreign(): void {
    this.foreignCount++;
  }

  /** Whether a frame that came in is for this machine, or for everybody, or a group. What is not is counted. */
  accepts(frame: Uint8Array): boolean {
    this.receivedCount++;
    if (frame.length < ETHERNET_LENGTH) this.malformedCount++;
    else if (((frame[0] as number) & 1) !== 0 || this.#isOurs(frame)) return true;
    else this.foreignCount++;
    return false;
  }

  #isOurs(frame: Uint8Array): boolean {
    // From the end: that is where MACs of one network differ.
    for (let i = 5; i >= 0; i--) if (frame[i] !== this.mac[i]) return false;
    return true;
  }
}
