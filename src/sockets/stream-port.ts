// A port whose frames travel in a stream of bytes, each behind its length, as QEMU's `-netdev stream` sends them: TCP or a
// unix socket. A stream loses nothing, so nor does the port: who is slow is waited for, at either end. What is lost is what
// was in hand when the stream ended.

import { Socket } from "node:net";
import { ArgumentTypeError } from "../core/argument-error.ts";
import { checkFields } from "../core/fields.ts";
import { inTime } from "../core/in-time.ts";
import { QueuePort } from "../port/queue-port.ts";
import { type FrameBurst, recordLength } from "../ring/frame-burst.ts";
import { Deframer, framed, type LengthBytes } from "./deframer.ts";
import {
  endpointText,
  expectLengths,
  type StreamEndpoint,
  type StreamPlan,
  type StreamPortOptions,
  streamEndpointOf,
  streamPortFields,
  systemEnd,
} from "./stream-options.ts";
import { connectedStream } from "./stream-socket.ts";

/** What may lie in Node's hands: so many frames, and bytes with their lengths; one frame does in any case. */
const UNDER_WAY_FRAMES = 64;
const UNDER_WAY_BYTES: number = 1 << 16;

/**
 * Connects to somebody who listens, as QEMU does with `-netdev stream,server=on`, and resolves when the stream stands.
 *
 *     const vm = await openStreamPort({ remote: { path: "/run/vm.sock" } });
 *     connect(await sw.addPort({ bridgeDomain }), vm);
 *
 * @throws ArgumentError for options that cannot be: `not-found` at `remote` if nobody is there and `retryMs` is not given.
 */
export async function openStreamPort(options: StreamPortOptions): Promise<StreamPort> {
  const checked = checkFields<
    StreamPortOptions,
    "remote" | "mtu" | "lengthBytes" | "queueFrames" | "queueBytes"
  >("options", streamPortFields, options);
  expectLengths(checked);
  const remote = streamEndpointOf(checked.remote);
  const { name, retryMs, ...plan } = checked;
  if (retryMs !== undefined) return StreamPort.seeking(remote, plan, retryMs, name);
  return StreamPort.over(await connectedStream(remote), remote, plan, name);
}

/** Made by `openStreamPort`, and by a `StreamListener`. Until it is closed, it keeps the process alive; see `unref`. */
export class StreamPort extends QueuePort {
  /** Who is at the other end; of a peer that came in over a unix socket, the path where it did. */
  readonly remote: StreamEndpoint;
  readonly #lengthBytes: LengthBytes;
  readonly #retryMs: number | undefined;
  #socket: Socket | undefined;
  #deframer: Deframer;
  /** What has come and found no room yet: the socket is paused. */
  #rest: readonly Uint8Array[] = [];
  /** What Node has of this stream, oldest first. */
  #underWay: { readonly frames: number; readonly bytes: number }[] = [];
  #underWayFrames = 0;
  #underWayBytes = 0;
  #isReferenced = true;
  /** The attempt to find a peer, or the timer until the next. */
  #attempt: Socket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** A port over a stream that stands, for `openStreamPort` and listeners: a socket, whose type would ask users for Node's types. */
  static over(socket: object, remote: StreamEndpoint, plan: StreamPlan, name?: string): StreamPort {
    const port = new StreamPort(remote, plan, undefined, name);
    port.#attach(socket as Socket);
    return port;
  }

  /** One that looks for its peer now, and whenever it has none, every `retryMs` milliseconds. */
  static seeking(remote: StreamEndpoint, plan: StreamPlan, retryMs: number, name?: string): StreamPort {
    const port = new StreamPort(remote, plan, retryMs, name);
    port.#seek();
    return port;
  }

  private constructor(
    remote: StreamEndpoint,
    { mtu, lengthBytes, queueFrames, queueBytes }: StreamPlan,
    retryMs: number | undefined,
    name: string | undefined,
  ) {
    const kind = "path" in remote ? "unix" : "tcp";
    super({ name: name ?? `${kind}-${endpointText(remote)}`, mtu, queueFrames, queueBytes });
    this.remote = remote;
    this.#lengthBytes = lengthBytes;
    this.#retryMs = retryMs;
    this.#deframer = new Deframer(lengthBytes);
  }

  /** Whether the stream stands: with `retryMs` it may come and go. What is sent meanwhile waits. */
  get connected(): boolean {
    return this.#socket !== undefined;
  }

  /** Lets the process end although the port is open. */
  unref(): this {
    this.#isReferenced = false;
    for (const each of [this.#socket, this.#attempt, this.#timer]) each?.unref();
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    this.#isReferenced = true;
    for (const each of [this.#socket, this.#attempt, this.#timer]) each?.ref();
    return this;
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    const socket = this.#socket;
    if (socket === undefined) return 0;
    const taken: Uint8Array[] = [];
    let bytes = 0;
    let stop = first;
    for (; stop < end && this.#underWayFrames + taken.length < UNDER_WAY_FRAMES; stop++) {
      const frame = frames[stop] as Uint8Array;
      if (frame.length === 0) {
        // A length of zero would end the stream at the other end.
        this.drop("frame-too-short", 1, 0);
        continue;
      }
      const length = this.#lengthBytes + frame.length;
      if (this.#underWayBytes + bytes + length > UNDER_WAY_BYTES && this.#underWayBytes + bytes > 0) break;
      taken.push(frame);
      bytes += length;
    }
    const count = taken.length;
    if (count === 0) return stop - first;
    this.#underWay.push({ frames: count, bytes: bytes - count * this.#lengthBytes });
    this.#underWayFrames += count;
    this.#underWayBytes += bytes;
    socket.write(framed(taken, bytes, this.#lengthBytes), (error) => {
      // What the stream had when it ended is counted then: Node tells of no error any more once it is destroyed.
      if (this.#socket !== socket || error || socket.destroyed) return;
      this.#underWay.shift();
      this.#underWayFrames -= count;
      this.#underWayBytes -= bytes;
      // Who sends gets a turn only when the others have had theirs.
      setImmediate(() => this.bell.ring());
    });
    return stop - first;
  }

  protected override take(): FrameBurst | undefined {
    const burst = super.take();
    if (this.#rest.length > 0 || this.#socket?.isPaused()) this.#goOn();
    return burst;
  }

  /** What Node has is sent first, for a second at most: a peer that reads nothing would keep it for ever. */
  protected override async shut(): Promise<void> {
    clearTimeout(this.#timer);
    this.#attempt?.destroy();
    const socket = this.#socket;
    if (socket === undefined) return;
    const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await inTime(Promise.race([gone, new Promise<void>((resolve) => socket.end(() => resolve()))]));
    this.#lose("closed");
    this.#socket = undefined;
    socket.destroy();
    if (!socket.closed) await gone;
  }

  protected override get waiting(): number {
    return super.waiting + this.#rest.length + this.#underWayFrames;
  }

  #seek(): void {
    const attempt = new Socket();
    this.#attempt = attempt;
    if (!this.#isReferenced) attempt.unref();
    attempt.once("connect", () => {
      this.#attempt = undefined;
      attempt.removeAllListeners();
      this.#attach(attempt);
    });
    attempt.on("error", () => {});
    attempt.once("close", () => {
      this.#attempt = undefined;
      if (this.closed) return;
      this.#timer = setTimeout(() => this.#seek(), this.#retryMs);
      if (!this.#isReferenced) this.#timer.unref();
    });
    attempt.connect(systemEnd(this.remote));
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    this.#deframer = new Deframer(this.#lengthBytes);
    // A frame that waits for more of them is late, and a burst is one write already.
    socket.setNoDelay(true);
    if (!this.#isReferenced) socket.unref();
    let failure: Error | undefined;
    socket.on("data", (chunk) => this.#arrive(socket, chunk));
    socket.on("error", (error) => (failure = error));
    socket.once("close", () => this.#ended(socket, failure));
    // What the stream before has left is taken first.
    if (this.#rest.length > 0) socket.pause();
    this.bell.ring();
  }

  #arrive(socket: Socket, chunk: Uint8Array): void {
    if (socket !== this.#socket) return;
    const frames: Uint8Array[] = [];
    try {
      this.#deframer.push(chunk, frames);
    } catch (error) {
      // The frames before it are sound.
      this.#hand(frames);
      socket.destroy(error as Error);
      return;
    }
    this.#hand(frames);
  }

  /** Puts in what finds room, and lets the peer wait if that is not all. */
  #hand(frames: readonly Uint8Array[]): void {
    if (frames.length === 0) return;
    const room = this.queue.roomFor(frames.length, (index) =>
      recordLength((frames[index] as Uint8Array).length),
    );
    if (room > 0) this.deliver(room === frames.length ? frames : frames.slice(0, room));
    this.#rest = frames.slice(room);
    if (this.#rest.length > 0) this.#socket?.pause();
  }

  /** Somebody has taken a burst. */
  #goOn(): void {
    if (this.#rest.length > 0) this.#hand(this.#rest);
    if (this.#rest.length === 0 && this.queue.isHalfEmpty) this.#socket?.resume();
  }

  /** The stream is over: by its peer, by an error, or because what came is no stream of frames. */
  #ended(socket: Socket, failure: Error | undefined): void {
    if (socket !== this.#socket) return;
    this.#lose("link-down");
    this.#socket = undefined;
    if (this.#retryMs !== undefined && !this.closed) {
      this.#seek();
      return;
    }
    this.refuse(failure ?? new ArgumentTypeError("closed", "port", "its peer has ended the stream"));
    this.finish(failure);
  }

  /** Counts what Node has of a stream that is over, and the frame of which only a part has come. */
  #lose(reason: string): void {
    for (const { frames, bytes } of this.#underWay) this.drop(reason, frames, bytes);
    this.#underWay = [];
    this.#underWayFrames = 0;
    this.#underWayBytes = 0;
    if (this.#deframer.begun > 0) this.drop(reason, 1, this.#deframer.begun);
  }
}
