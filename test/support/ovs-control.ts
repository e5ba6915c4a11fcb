// The control socket of an Open vSwitch program: JSON-RPC 1.0 over a Unix socket, one call at a time. It is what
// ovs-appctl speaks, without the ten milliseconds that a new process costs.
import { once } from "node:events";
import { connect, type Socket } from "node:net";

interface Waiting {
  resolve(result: string): void;
  reject(error: Error): void;
}

export class OvsControl {
  readonly #socket: Socket;
  #waiting: Waiting | undefined;
  #text = "";
  #calls = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#take(text));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#settle()?.reject(new Error("Open vSwitch closed its control socket")));
  }

  static async open(path: string): Promise<OvsControl> {
    const socket = connect(path);
    await once(socket, "connect");
    return new OvsControl(socket);
  }

  /** Runs a command and gives the text that ovs-appctl would print; rejects with the text of an error. */
  call(command: string, ...parameters: readonly string[]): Promise<string> {
    if (this.#waiting !== undefined) throw new Error(`${command}: another command is under way`);
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error(`${command}: the control socket is closed`));
      this.#waiting = { resolve, reject };
      this.#socket.write(JSON.stringify({ id: this.#calls++, method: command, params: parameters }));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Nothing stands between replies, and a long one comes in pieces; but there is never more than one. */
  #take(text: string): void {
    this.#text += text;
    if (!text.endsWith("}")) return;
    let reply: { readonly result: string | null; readonly error: string | null };
    try {
      reply = JSON.parse(this.#text);
    } catch {
      return; // more is to come
    }
    this.#text = "";
    const waiting = this.#settle();
    if (reply.error === null) waiting?.resolve(reply.result ?? "");
    else waiting?.reject(new Error(reply.error));
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}
