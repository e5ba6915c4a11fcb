// A port whose frames travel over a WebSocket, one in each binary message, without a header: what v86's relays speak. The
// platform's WebSocket and that of the package ws are taken alike. Neither says when it has sent something: how much it
// has still is asked again until there is room.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { inTime } from "../core/in-time.ts";
import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { nextTurn } from "../platform/threads.ts";
import { ETHERNET_FRONT } from "../port/base-port.ts";
import { QueuePort } from "../port/queue-port.ts";
import { TurnShare } from "../port/turn-share.ts";

/** What is used of a WebSocket. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: object) => void): void;
  /** Only those of ws can be torn down, and keep the process alive or not. */
  terminate?(): void;
}

/** What is said of a port over a WebSocket that is open. */
export interface WebSocketTraits {
  readonly name: string;
  readonly target: string;
  readonly mtu: number;
  readonly bufferBytes: number;
  readonly queueFrames: number;
  readonly queueBytes: number;
}

interface MessageLike {
  readonly data: unknown;
}

interface CloseLike {
  readonly code: number;
  readonly reason: string;
}

/** The longest frame that is taken from a peer: the largest MTU, header and tag. */
export const MESSAGE_MAXIMUM: number = 65535 + ETHERNET_FRONT;

/** How long is waited before the WebSocket is asked again how much it has. */
const ASK_MILLISECONDS = 4;
/** What a WebSocket that was ended as it should be says: normal, going away, nothing at all. */
const ORDERLY: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** Made by `openWebSocketPort`, and by a `WebSocketListener`. */
export class WebSocketPort extends QueuePort {
  /** The address that was opened, or the path that a peer asked for. */
  readonly target: string;
  readonly #socket: WebSocketLike;
  readonly #bufferBytes: number;
  readonly #gone: Promise<void>;
  /** What has come in this turn. */
  #come: Uint8Array[] = [];
  readonly #share: TurnShare = new TurnShare(() => this.#ask());
  #isAsking = false;
  #isOver = false;

  /** Of a WebSocket that is open, before anything of it has been heard. */
  constructor(socket: WebSocketLike, traits: WebSocketTraits) {
    super(traits);
    this.target = traits.target;
    this.#socket = socket;
    this.#bufferBytes = traits.bufferBytes;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => this.#arrive((event as MessageLike).data));
    // What went wrong is said by the end, which follows.
    socket.addEventListener("error", () => {});
    this.#gone = new Promise((resolve) => {
      socket.addEventListener("close", (event) => {
        this.#ended(event as CloseLike);
        resolve();
      });
    });
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    if (this.#isOver) return 0;
    let room = this.#bufferBytes - this.#socket.bufferedAmount;
    const most = Math.min(end, first + this.#share.left);
    let stop = first;
    let bytes = 0;
    for (; stop < most && room > 0; stop++) {
      const { length } = frames[stop] as Uint8Array;
      bytes += length;
      room -= length;
    }
    // ws may send the very bytes that it is given, later.
    const copy = new Uint8Array(bytes);
    let at = 0;
    for (let index = first; index < stop; index++) {
      const frame = frames[index] as Uint8Array;
      copy.set(frame, at);
      this.#socket.send(copy.subarray(at, at + frame.length));
      at += frame.length;
    }
    this.#share.take(stop - first);
    if (stop === first) this.#askLater();
    return stop - first;
  }

  /** What the WebSocket has is sent first, for a second at most. */
  protected override async shut(): Promise<void> {
    this.#socket.close(1000);
    if (!(await inTime(this.#gone))) this.#socket.terminate?.();
    this.#handOver();
  }

  protected override get waiting(): number {
    return super.waiting + this.#come.length;
  }

  /** Whether the WebSocket has less than it may, now and until it has. */
  #ask(): void {
    if (!this.#isOver && this.#socket.bufferedAmount >= this.#bufferBytes) this.#askLater();
    else this.bell.ring();
  }

  #askLater(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    setTimeout(() => {
      this.#isAsking = false;
      this.#ask();
    }, ASK_MILLISECONDS);
  }

  #arrive(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) {
      // Text, which nobody sends who speaks of frames.
      this.drop("not-ethernet", 1, typeof data === "string" ? data.length : 0);
      return;
    }
    const frame = new Uint8Array(data);
    if (frame.length < ETHERNET_LENGTH || frame.length > MESSAGE_MAXIMUM) {
      this.drop(frame.length < ETHERNET_LENGTH ? "frame-too-short" : "frame-too-long", 1, frame.length);
      return;
    }
    this.#come.push(frame);
    if (this.#come.length === 1) void nextTurn().then(() => this.#handOver());
  }

  #handOver(): void {
    const frames = this.#come;
    if (frames.length === 0) return;
    this.#come = [];
    this.deliver(frames);
  }

  #ended({ code, reason }: CloseLike): void {
    this.#isOver = true;
    this.#handOver();
    const why = reason === "" ? `${code}` : `${code}, ${reason}`;
    const end = new ArgumentTypeError("closed", "port", `its peer has ended the WebSocket (${why})`);
    const isExpected = this.closed || ORDERLY.has(code);
    this.refuse(end);
    this.finish(isExpected ? undefined : end);
  }
}
