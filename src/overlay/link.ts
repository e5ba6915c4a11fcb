// A link: two nodes, one wire each way.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { trueOrFalse } from "../core/arguments.ts";
import { type Fields, flag, text, whole } from "../core/fields.ts";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../layout/ethernet.layout.ts";
import { VLAN_HEADER_LENGTH } from "../layout/vlan.layout.ts";
import type { FramePortCounters } from "../port/port-counters.ts";
import type { SwitchPort } from "../switch/switch-types.ts";
import { isTpid } from "../wire/vlan.ts";
import { type CapturedFrame, captureFile } from "./link-capture.ts";
import type { Landing, Traffic } from "./traffic.ts";

/** Something that links end at. */
export interface NetworkNode {
  readonly name: string;
  readonly kind: "switch" | "machine" | "port";
}

/** One end of a link: a machine's only network card, one port of a switch, or a frame port. */
export interface Attachment {
  readonly node: NetworkNode;
  /** A port of the node's switch that is no tunnel; its uplink is one, too. Machines have none. */
  readonly port?: SwitchPort | undefined;
}

export interface LinkOptions {
  /** Default: the names of both ends. */
  readonly name?: string | undefined;
  /** Most bytes behind the Ethernet header and its outermost VLAN tag. Default: any. */
  readonly mtu?: number | undefined;
  /** Whether every frame is kept for `toPcapng`. Default false. */
  readonly capture?: boolean | undefined;
}

export const LINK_FIELDS: Fields<LinkOptions, "mtu" | "capture"> = {
  name: text(),
  mtu: { ...whole(46, 65535), fallback: Number.POSITIVE_INFINITY },
  capture: { ...flag(), fallback: false },
};

/** Why a link did not carry a frame. */
export type LinkDropReason = "link-down" | "exceeds-mtu";

/**
 * What went one way: `sent` into it, `received` out of it at the other end, `waiting` under way. Always: sent =
 * received + dropped + waiting.
 */
export interface LaneCounters extends FramePortCounters {
  readonly drops: Readonly<Partial<Record<LinkDropReason, number>>>;
}

/** `ab` is from the first end to the second. */
export interface LinkCounters {
  readonly ab: LaneCounters;
  readonly ba: LaneCounters;
}

/** A frame that enters a link. */
export interface Hop {
  /** Virtual time in milliseconds, a multiple of 0.001. */
  readonly timeMs: number;
  readonly link: Link;
  readonly direction: "ab" | "ba";
  readonly from: Attachment;
  readonly to: Attachment;
  /** A copy. */
  readonly frame: Uint8Array;
}

/** What a link asks of the network whose it is. */
export interface LinkHost {
  readonly traffic: Traffic;
  readonly onHop: ((hop: Hop) => void) | undefined;
  /** Gives an arrived frame to the node at that end. */
  land(to: Attachment, frame: Uint8Array): void;
}

/** One way of a link. */
export class OneWay implements Landing {
  readonly link: Link;
  readonly direction: "ab" | "ba";
  readonly from: Attachment;
  readonly to: Attachment;
  readonly #host: LinkHost;
  #sent = 0;
  #bytes = 0;
  #received = 0;
  #receivedBytes = 0;
  #waiting = 0;
  #down = 0;
  #tooLong = 0;

  constructor(host: LinkHost, link: Link, direction: "ab" | "ba", from: Attachment, to: Attachment) {
    this.#host = host;
    this.link = link;
    this.direction = direction;
    this.from = from;
    this.to = to;
  }

  /** Sends a frame; from now on nobody may change its bytes. */
  send(frame: Uint8Array): void {
    const { link } = this;
    this.#sent++;
    this.#bytes += frame.length;
    if (!link.up) {
      this.#down++;
      return;
    }
    if (frame.length > link.longest && behindTag(frame) > link.mtu) {
      this.#tooLong++;
      return;
    }
    const { traffic, onHop } = this.#host;
    link.captured?.push({ timeUs: traffic.clock.nowUs, direction: this.direction, frame });
    this.#waiting++;
    traffic.depart(frame, this);
    if (onHop !== undefined) {
      const { direction, from, to } = this;
      onHop({ timeMs: traffic.clock.nowUs / 1000, link, direction, from, to, frame: frame.slice() });
    }
  }

  land(frame: Uint8Array): void {
    this.#waiting--;
    // Cut while it was under way.
    if (!this.link.up) {
      this.#down++;
      return;
    }
    this.#received++;
    this.#receivedBytes += frame.length;
    this.#host.land(this.to, frame);
  }

  counters(): LaneCounters {
    const drops: Partial<Record<LinkDropReason, number>> = {};
    if (this.#tooLong > 0) drops["exceeds-mtu"] = this.#tooLong;
    if (this.#down > 0) drops["link-down"] = this.#down;
    return {
      sent: this.#sent,
      sentBytes: this.#bytes,
      received: this.#received,
      receivedBytes: this.#receivedBytes,
      waiting: this.#waiting,
      dropped: this.#tooLong + this.#down,
      drops: drops as Record<string, number>,
    };
  }
}

/** Made by `Network.connect`; a frame takes a microsecond of virtual time from end to end. */
export class Link {
  readonly name: string;
  readonly ends: readonly [Attachment, Attachment];
  /** Most bytes behind the Ethernet header and its outermost VLAN tag; Infinity if there is no limit. */
  readonly mtu: number;
  /** No frame up to this length can be too long. */
  readonly longest: number;
  readonly ab: OneWay;
  readonly ba: OneWay;
  /** All frames that entered, if the link keeps them. */
  readonly captured: CapturedFrame[] | undefined;
  #up = true;
  #removed = false;

  constructor(
    host: LinkHost,
    ends: readonly [Attachment, Attachment],
    name: string,
    mtu: number,
    capture: boolean,
  ) {
    this.name = name;
    this.ends = ends;
    this.mtu = mtu;
    this.longest = mtu + ETHERNET_LENGTH;
    this.captured = capture ? [] : undefined;
    this.ab = new OneWay(host, this, "ab", ends[0], ends[1]);
    this.ba = new OneWay(host, this, "ba", ends[1], ends[0]);
  }

  /** False: whatever is sent into it, and what is under way in it, is dropped. */
  get up(): boolean {
    return this.#up;
  }

  set up(up: boolean) {
    if (this.#removed) throw new ArgumentTypeError("closed", "link", `${this.name} has been disconnected`);
    this.#up = trueOrFalse("up", up);
  }

  counters(): LinkCounters {
    return { ab: this.ab.counters(), ba: this.ba.counters() };
  }

  /**
   * A whole pcapng of all that entered the link: an interface for each direction, virtual time from 1970 on.
   * @throws TypeError if the link was made without `capture`.
   */
  toPcapng(): Uint8Array {
    if (this.captured === undefined)
      throw new ArgumentTypeError("not-for-this", "link", `${this.name} was made without capture`);
    const [a, b] = this.ends;
    return captureFile(this.captured, {
      ab: `${a.node.name} -> ${b.node.name}`,
      ba: `${b.node.name} -> ${a.node.name}`,
    });
  }

  /** For `Network.disconnect`: down for ever. */
  remove(): void {
    this.#up = false;
    this.#removed = true;
  }
}

function behindTag(frame: Uint8Array): number {
  const type = ((frame[ETHERNET_TYPE] as number) << 8) | (frame[ETHERNET_TYPE + 1] as number);
  return frame.length - ETHERNET_LENGTH - (isTpid(type) ? VLAN_HEADER_LENGTH : 0);
}
