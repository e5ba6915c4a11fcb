// Two WebSockets back to back, in memory: what is sent at the one is a message of the other, a turn later.

export class SocketEnd extends EventTarget {
  binaryType = "blob";
  bufferedAmount = 0;
  /** While it is held back, nothing of what is sent arrives. */
  isHeld = false;
  peer: SocketEnd | undefined;
  readonly #waiting: (string | Uint8Array)[] = [];
  #isOver = false;

  send(data: string | Uint8Array): void {
    if (this.#isOver) throw new Error("it is closed");
    // Bytes are those of the moment, as in browsers.
    this.#waiting.push(typeof data === "string" ? data : data.slice());
    this.bufferedAmount += data.length;
    setTimeout(() => this.flush(), 0);
  }

  flush(): void {
    if (this.isHeld) return;
    for (const data of this.#waiting.splice(0)) {
      this.bufferedAmount -= data.length;
      this.peer?.dispatchEvent(
        new MessageEvent("message", { data: typeof data === "string" ? data : data.buffer }),
      );
    }
  }

  close(code = 1005, reason = ""): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.flush();
    setTimeout(() => {
      this.peer?.close(code, reason);
      this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
    }, 0);
  }
}

export function socketPair(): [SocketEnd, SocketEnd] {
  const [a, b] = [new SocketEnd(), new SocketEnd()];
  a.peer = b;
  b.peer = a;
  return [a, b];
}
