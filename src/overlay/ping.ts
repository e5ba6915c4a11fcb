// One ping: echo requests that were sent, and what came back.

export interface PingOptions {
  /** Bytes of echo data: 0 to 65,507, default 56. A packet of 1,500 bytes is a `size` of 1,472. */
  readonly size?: number;
  /** Forbids fragments (IPv4's don't-fragment bit). Default true. */
  readonly df?: boolean;
  /** 1 to 255, default 64. */
  readonly ttl?: number;
  /** How many requests, one each second of virtual time: 1 to 65,535, default 1. */
  readonly count?: number;
}

/** Why a ping was not answered: an ICMP error, or the machine's own finding. */
export interface PingError {
  readonly kind: "no-route" | "no-neighbour" | "packet-too-big" | "ttl-exceeded" | "unreachable" | "other";
  /** Who said so: the address of a router, or the machine's own. */
  readonly from: string;
  /** Of `packet-too-big`: the longest packet that may pass, in bytes. */
  readonly mtu?: number;
  /** Type and code of the ICMP message; the machine's own findings have none. */
  readonly type?: number;
  readonly code?: number;
}

/** What is known of a ping so far. */
export interface PingHandle {
  readonly to: string;
  readonly sent: number;
  readonly replies: number;
  /** Round-trip times of the replies, in milliseconds of virtual time. */
  readonly rttMs: readonly number[];
  readonly errors: readonly PingError[];
}
