// What is plugged into the ports of a VTEP: how each kind is opened, and how it is joined to its port. A kind is a row.

import { type Connection, connect, type FramePort } from "../index.ts";
import { openPacketPort, openTap, whole } from "../linux.ts";
import {
  listenStreamPorts,
  listenWebSocketPorts,
  openDatagramPort,
  openStreamPort,
  type StreamEnd,
  type StreamListener,
  type WebSocketListener,
} from "../node.ts";
import { sumDrops } from "../port/port-counters.ts";
import type { LivePort } from "../switch.ts";
import type { PacketPlug, PlugOptions, QemuPlug, TapPlug, UdpPlug, WebSocketPlug } from "./vtep-config.ts";

/** How it stands with what is plugged in. */
export interface PlugState {
  /** `waiting` is for a peer; what is `down` comes again only when the configuration is read again. */
  readonly state: "up" | "waiting" | "down";
  /** Why it is down. */
  readonly problem?: string;
  /** What was lost there, and on the way between it and the switch. */
  readonly drops: Readonly<Record<string, number>>;
}

export interface Plug {
  /** What it is, for people: `tap ff0`. */
  readonly about: string;
  /** Frames flow between it and this port, and no other any more. */
  join(port: LivePort): Promise<void>;
  state(): PlugState;
  close(): Promise<void>;
}

/** What is told by whoever opens one. */
export interface PlugPlace {
  /** The name of the port. */
  readonly name: string;
  /** Of a TAP that is not told one. */
  readonly mtu: number;
  readonly mac: Uint8Array;
  /** Whether the switch has super-frames. */
  readonly superFrames: boolean;
  /** Called once when it has failed. */
  readonly onProblem: (problem: string) => void;
}

/** Milliseconds after which a machine that does not listen is tried again. */
const RETRY_MILLISECONDS = 500;

const KINDS: { readonly [K in keyof PlugOptions]-?: Opener<NonNullable<PlugOptions[K]>> } = {
  tap: async ({ name, mtu, mac, ...rest }: TapPlug, place) => {
    const own = { name: name ?? place.name, mtu: mtu ?? place.mtu, mac: mac ?? place.mac };
    const tap = await openTap({ ...own, ...rest, superFrames: place.superFrames });
    return new PortPlug(`tap ${tap.device}`, tap, place);
  },
  packet: async (options: PacketPlug, place) => {
    return new PortPlug(`interface ${options.interface}`, await openPacketPort(options), place);
  },
  udp: openUdp,
  qemu: async ({ listen, connect: remote, dgram, mtu }: QemuPlug, place) => {
    if (dgram !== undefined) return openUdp(dgram, place);
    const traits = { ...(mtu !== undefined && { mtu }) };
    if (listen !== undefined) {
      const listener = await listenStreamPorts({ local: listen, most: 1, ...traits });
      return new ListenerPlug(`listens at ${textOf(listen)}`, listener, place);
    }
    const end = remote as StreamEnd;
    const port = await openStreamPort({ remote: end, retryMs: RETRY_MILLISECONDS, ...traits });
    const isWaiting = (): boolean => !port.connected;
    return new PortPlug(`connects to ${textOf(end)}`, port, place, isWaiting);
  },
  websocket: async ({ listen, ...rest }: WebSocketPlug, place) => {
    const listener = await listenWebSocketPorts({ local: listen, most: WEBSOCKETS_MOST, ...rest });
    return new ListenerPlug(`WebSockets at ${textOf(listener.local)}`, listener, place);
  },
};

/** Peers of one listener, of whom one after the other is served; those that have no token yet count, too. */
const WEBSOCKETS_MOST = 8;

type Opener<O> = (options: O, place: PlugPlace) => Promise<Plug>;

/**
 * Opens what a port says.
 * @throws ArgumentError whose path begins with the kind.
 */
export function openPlug(options: PlugOptions, place: PlugPlace): Promise<Plug> {
  const [kind] = Object.keys(options) as [keyof PlugOptions];
  return (KINDS[kind] as Opener<unknown>)(options[kind], place);
}

async function openUdp(options: UdpPlug, place: PlugPlace): Promise<Plug> {
  const port = await openDatagramPort(options);
  return new PortPlug(`udp ${textOf(port.local)} - ${textOf(port.remote)}`, port, place);
}

function textOf(end: StreamEnd): string {
  if ("path" in end) return end.path;
  const address = String(end.address);
  return address.includes(":") ? `[${address}]:${end.port}` : `${address}:${end.port}`;
}

/** Anything that is a port. */
export class PortPlug implements Plug {
  readonly about: string;
  readonly #port: FramePort;
  readonly #place: Pick<PlugPlace, "onProblem">;
  readonly #isWaiting: () => boolean;
  readonly #losses: Losses = new Losses();
  #connection: Connection | undefined;
  #problem: string | undefined;

  constructor(
    about: string,
    port: FramePort,
    place: Pick<PlugPlace, "onProblem">,
    isWaiting: () => boolean = () => false,
  ) {
    this.about = about;
    this.#port = port;
    this.#place = place;
    this.#isWaiting = isWaiting;
  }

  async join(port: LivePort): Promise<void> {
    await this.#part();
    const taken = this.#port.offloads.segmentation ? port : await whole(port);
    const connection = connect(taken, this.#port);
    this.#connection = connection;
    connection.ended.catch((error: Error) => {
      // What the switch fails of, everybody is told by the switch.
      if (this.#connection !== connection || !this.#port.closed) return;
      this.#problem = error.message;
      this.#place.onProblem(error.message);
    });
  }

  state(): PlugState {
    const drops = sumDrops([this.#port.counters().drops, this.#losses.with(this.#connection)]);
    if (this.#problem !== undefined) return { state: "down", problem: this.#problem, drops };
    return { state: this.#isWaiting() ? "waiting" : "up", drops };
  }

  async close(): Promise<void> {
    await this.#part();
    await this.#port.close();
  }

  async #part(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    // What it rejects with has been told.
    await connection.stop().catch(() => {});
    this.#losses.add(connection);
  }
}

/** A listener: one peer at a time is joined, and what leaves while there is none is lost. */
class ListenerPlug implements Plug {
  readonly about: string;
  readonly #listener: StreamListener | WebSocketListener;
  readonly #losses: Losses = new Losses();
  #target: LivePort | undefined;
  #peer: FramePort | undefined;
  #connection: Connection | undefined;
  #problem: string | undefined;

  constructor(about: string, listener: StreamListener | WebSocketListener, { onProblem }: PlugPlace) {
    this.about = about;
    this.#listener = listener;
    void this.#serve().catch((error: Error) => {
      this.#problem = error.message;
      onProblem(error.message);
    });
  }

  async join(port: LivePort): Promise<void> {
    await this.#part();
    this.#target = port;
    if (this.#peer !== undefined) this.#connection = connect(await whole(port), this.#peer);
  }

  state(): PlugState {
    const drops = sumDrops([this.#losses.with(this.#connection), this.#peer?.counters().drops ?? {}]);
    if (this.#problem !== undefined) return { state: "down", problem: this.#problem, drops };
    return { state: this.#peer === undefined ? "waiting" : "up", drops };
  }

  async close(): Promise<void> {
    this.#target = undefined;
    await this.#part();
    await this.#listener.close();
    await this.#peer?.close();
  }

  async #serve(): Promise<void> {
    for await (const peer of this.#listener) {
      const target = this.#target;
      this.#peer = peer;
      if (target !== undefined) {
        // It has waited for nobody, and is old.
        for (let burst = target.receive(); burst !== undefined; burst = target.receive())
          this.#losses.count("link-down", burst.length);
        this.#connection = connect(await whole(target), peer);
      }
      await peer.bell.until(() => (peer.closed ? true : undefined));
      await this.#part();
      this.#losses.sum(peer.counters().drops);
      this.#peer = undefined;
    }
  }

  async #part(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    // A peer that ends is no failure of the listener's.
    await connection.stop().catch(() => {});
    this.#losses.add(connection);
  }
}

/** What was lost by connections that are over. */
class Losses {
  #drops: Record<string, number> = {};

  add(connection: Connection): void {
    this.#drops = this.with(connection);
  }

  sum(drops: Readonly<Record<string, number>>): void {
    this.#drops = sumDrops([this.#drops, drops]);
  }

  count(reason: string, frames: number): void {
    this.sum({ [reason]: frames });
  }

  /** With those of one that is not. */
  with(connection: Connection | undefined): Record<string, number> {
    if (connection === undefined) return this.#drops;
    const { ab, ba } = connection.counters();
    return sumDrops([this.#drops, ab.drops, ba.drops]);
  }
}
