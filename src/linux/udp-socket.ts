// A UDP socket of the system's own, which takes and gives many datagrams in one call, and never blocks.

import { Undo } from "../core/undo.ts";
import type { AddressEndpoint } from "../sockets/ends.ts";
import type { Native } from "./libc.ts";
import { MESSAGES, type Messages, SOL_IP, SOL_IPV6, SOL_UDP, UDP_GRO, UDP_SEGMENT } from "./messages.ts";
import { AF_INET6, endpointAt, IPV6_LENGTH, socketAddress } from "./socket-address.ts";

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;

const IPV6_V6ONLY = 26;
/** To be told of the outer IP header of what comes: its traffic class, and its TTL. */
const IP_RECVTTL = 12;
const IP_RECVTOS = 13;
const IPV6_RECVHOPLIMIT = 51;
const IPV6_RECVTCLASS = 66;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
/** The same beyond what the system lets everybody have, for those with CAP_NET_ADMIN. */
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** What comes while others have their turn waits there, and what leaves until a card has it. */
const BUFFER_BYTES = 4 << 20;

export class UdpSocket {
  readonly local: AddressEndpoint;
  readonly descriptor: number;
  /** Whether the system cuts a message into datagrams where it is asked to. */
  cuts: boolean;
  /** Whether it may join datagrams that come. */
  readonly joins: boolean;
  readonly #native: Native;

  /** @throws SystemError. */
  static bound(native: Native, local: AddressEndpoint, offloads: boolean): UdpSocket {
    const { libc, failure } = native;
    const address = socketAddress(local);
    const family = address[0] as number;
    const descriptor = libc.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) throw failure("socket");
    const undo = new Undo();
    undo.add(() => libc.close(descriptor));
    try {
      const set = (level: number, name: number, value: number): number =>
        libc.setsockopt(descriptor, level, name, wordOf(value), 4);
      const ipv6 = family === AF_INET6;
      if (ipv6 && set(SOL_IPV6, IPV6_V6ONLY, 1) < 0) throw failure("setsockopt");
      for (const option of ipv6 ? [IPV6_RECVTCLASS, IPV6_RECVHOPLIMIT] : [IP_RECVTOS, IP_RECVTTL])
        if (set(ipv6 ? SOL_IPV6 : SOL_IP, option, 1) < 0) throw failure("setsockopt");
      // It gives what it may.
      if (set(SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES) < 0) set(SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
      if (set(SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES) < 0) set(SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
      // Since Linux 4.18 and 5.0. 0: nothing is cut that does not say so itself.
      const cuts = offloads && set(SOL_UDP, UDP_SEGMENT, 0) >= 0;
      const joins = offloads && set(SOL_UDP, UDP_GRO, 1) >= 0;
      if (libc.bind(descriptor, address, address.length) < 0) throw failure("bind");
      const own = new Uint8Array(new ArrayBuffer(IPV6_LENGTH));
      if (libc.getsockname(descriptor, own, wordOf(own.length)) < 0) throw failure("getsockname");
      return new UdpSocket(native, descriptor, endpointAt(own, 0), cuts, joins);
    } catch (error) {
      throw undo.because(error);
    }
  }

  private constructor(
    native: Native,
    descriptor: number,
    local: AddressEndpoint,
    cuts: boolean,
    joins: boolean,
  ) {
    this.#native = native;
    this.cuts = cuts;
    this.joins = joins;
    this.descriptor = descriptor;
    this.local = local;
  }

  /** Takes what has come, up to `MESSAGES` datagrams; how many those are, or the code of an error. */
  receive(messages: Messages): number | string {
    messages.expect();
    const count = this.#native.libc.recvmmsg(this.descriptor, messages.from(0), MESSAGES, 0, 0);
    return count < 0 ? this.#native.errorCode() : count;
  }

  /** Sends messages `first` to `end`, or as many as the system takes at once; how many those are, or the code of an error. */
  send(messages: Messages, first: number, end: number): number | string {
    const count = this.#native.libc.sendmmsg(this.descriptor, messages.from(first), end - first, 0);
    return count < 0 ? this.#native.errorCode() : count;
  }

  close(): void {
    this.#native.libc.close(this.descriptor);
  }
}

/** An `int` in memory. */
function wordOf(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(new ArrayBuffer(4));
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}
