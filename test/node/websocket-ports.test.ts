// WebSockets over the loopback: who is let in, who is turned away, and a page of Chromium among those who come.
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { connect, type FrameBurst, isArgumentError } from "frameferry";
import {
  listenWebSocketPorts,
  openWebSocketPort,
  type WebSocketListener,
  type WebSocketListenerOptions,
  type WebSocketPort,
  type WebSocketPortOptions,
} from "frameferry/node";
import { createSwitch } from "frameferry/switch";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { launchChromium } from "../support/page-ride.ts";
import { portContract, takeFrames } from "../support/port-contract.ts";
import { sendingContract } from "../support/sending-contract.ts";
import { serveFolder } from "../support/serve-folder.ts";
import { WebSocket } from "../support/ws-client.ts";

const root = join(import.meta.dirname, "../..");

async function listener(options: WebSocketListenerOptions = {}): Promise<WebSocketListener> {
  const made = await listenWebSocketPorts(options);
  onTestFinished(() => made.close());
  return made;
}

async function nextOf(from: WebSocketListener): Promise<WebSocketPort> {
  for await (const port of from) return port;
  throw new Error("the listener has been closed");
}

/** A client that is no port. */
function plain(url: string, options: object = {}, protocols: readonly string[] = []): WebSocket {
  const socket = new WebSocket(url, [...protocols], options);
  socket.on("error", () => {});
  onTestFinished(() => socket.terminate());
  return socket;
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** What a client that is turned away hears. */
async function statusOf(url: string, options: object = {}): Promise<number | undefined> {
  const [, response] = await once(plain(url, options), "unexpected-response");
  return response.statusCode;
}

async function bothEnds(options: WebSocketPortOptions = {}): Promise<[WebSocketPort, WebSocketPort]> {
  const listening = await listenWebSocketPorts({ token: options.token });
  const opening = openWebSocketPort(listening.url, options);
  const far = await nextOf(listening);
  await listening.close();
  return [await opening, far];
}

portContract("a WebSocket's end that opened it", async () => {
  const [from, to] = await bothEnds();
  return { from, to };
});

portContract("a WebSocket's end that listened", async () => {
  const [to, from] = await bothEnds({ token: "sesame" });
  return { from, to };
});

sendingContract("a WebSocket of ws", async () => {
  const [to, from] = await bothEnds();
  const take = async (): Promise<FrameBurst> => {
    for await (const burst of to) return burst;
    throw new Error("nothing comes any more");
  };
  return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
});

describe("who comes in", () => {
  test("a program: its first frames wait until somebody takes the port", async () => {
    const listening = await listener();
    expect(listening.url).toBe(`ws://127.0.0.1:${listening.local.port}/`);
    const socket = plain(`${listening.url}sales?x=1`, {}, ["binary"]);
    await once(socket, "open");
    expect(socket.protocol).toBe("binary");
    for (let i = 0; i < 3; i++) socket.send(frameOf(1, 2, i));
    socket.send("text");
    const port = await nextOf(listening);
    expect(port.target).toBe("/sales?x=1");
    expect((await takeFrames(port, 3)).map((frame) => stampOf(frame).sequence)).toEqual([0, 1, 2]);
    await until(() => port.counters().dropped === 1);
    expect(listening.counters()).toEqual({ accepted: 1, open: 1, refused: 0 });
    socket.close();
    await until(() => listening.counters().open === 0);
    expect(port.closed).toBe(true);
  });

  test("pages of listed origins, and paths that are listed; all others hear why", async () => {
    const listening = await listener({ origins: ["https://lab.example"], paths: ["/sales"] });
    const { url } = listening;
    expect(await statusOf(`${url}sales`, { origin: "https://evil.example" })).toBe(403);
    expect(await statusOf(`${url}sales`, { origin: "null" })).toBe(403);
    expect(await statusOf(`${url}research`)).toBe(404);
    expect(listening.counters()).toEqual({ accepted: 0, open: 0, refused: 3 });
    await once(plain(`${url}sales?token=1`, { origin: "https://lab.example" }), "open");
    expect((await nextOf(listening)).target).toBe("/sales?token=1");
    const open = await listener({ origins: ["*"] });
    await once(plain(open.url, { origin: "https://evil.example" }), "open");
  });

  test("without a list no page comes in", async () => {
    const listening = await listener();
    expect(await statusOf(listening.url, { origin: "http://127.0.0.1" })).toBe(403);
  });

  test("no more than may be there at once", async () => {
    const listening = await listener({ most: 2 });
    const first = plain(listening.url);
    for (const socket of [first, plain(listening.url)]) await once(socket, "open");
    expect(await statusOf(listening.url)).toBe(503);
    first.close();
    await until(() => listening.counters().open === 1);
    await once(plain(listening.url), "open");
    expect(listening.counters()).toEqual({ accepted: 3, open: 2, refused: 1 });
  });

  test("with a token nobody is handed on who does not say it first", async () => {
    const listening = await listener({ token: "sesame" });
    for (const first of ["open", "sesame ", "", Buffer.from("sesame"), frameOf(1, 2)]) {
      const socket = plain(listening.url);
      await once(socket, "open");
      socket.send(first);
      const [code, reason] = await once(socket, "close");
      expect([code, String(reason)]).toEqual([1008, "another token"]);
    }
    expect(listening.counters()).toMatchObject({ accepted: 0, refused: 5 });
    const wrong = await openWebSocketPort(listening.url, { token: "open" });
    await expect(takeFrames(wrong, 1)).rejects.toThrow("another token");
    const socket = plain(listening.url);
    await once(socket, "open");
    socket.send("sesame");
    socket.send(frameOf(1, 2, 9));
    expect((await takeFrames(await nextOf(listening), 1)).map(stampOf)).toEqual([{ from: 1, sequence: 9 }]);
  });

  test("no token in time is none", { timeout: 30_000 }, async () => {
    const listening = await listener({ token: "sesame" });
    const [code, reason] = await once(plain(listening.url), "close");
    expect([code, String(reason)]).toEqual([1008, "no token has come"]);
  });

  test("what is no WebSocket is answered, and what is nothing at all cut off", async () => {
    const listening = await listener();
    const { port } = listening.local;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(response.status).toBe(426);
    const [odd] = await once(
      http.get({ port, headers: { connection: "Upgrade", upgrade: "gopher" } }),
      "response",
    );
    expect(odd.statusCode).toBe(400);
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("\0\0\0\r\n\r\n");
    await once(socket.resume(), "close");
    expect(listening.counters()).toMatchObject({ accepted: 0 });
    await until(() => listening.counters().open === 0);
  });

  test("a message that nobody may send ends its WebSocket, and no other", async () => {
    const listening = await listener();
    const [bad, good] = [plain(listening.url), plain(listening.url)];
    for (const socket of [bad, good]) await once(socket, "open");
    const ports = [await nextOf(listening), await nextOf(listening)];
    bad.send(new Uint8Array(65_554));
    const [code] = await once(bad, "close");
    expect(code).toBe(1009);
    good.send(frameOf(1, 2, 5));
    const open = ports.find((port) => !port.closed)!;
    expect((await takeFrames(open, 1)).map((frame) => stampOf(frame).sequence)).toEqual([5]);
  });

  test("whoever answers no ping is given up", async () => {
    const listening = await listener({ pingMs: 50 });
    const lively = plain(listening.url);
    const dead = plain(listening.url, { autoPong: false });
    for (const socket of [lively, dead]) await once(socket, "open");
    await once(dead, "close");
    expect(lively.readyState).toBe(WebSocket.OPEN);
    await until(() => listening.counters().open === 1);
  });
});

describe("closing", () => {
  test("ports that nobody has taken end with the listener, those that were taken stay", async () => {
    const listening = await listenWebSocketPorts();
    const [one, other] = [plain(listening.url), plain(listening.url)];
    await once(one, "open");
    const taken = await nextOf(listening);
    await once(other, "open");
    await until(() => listening.counters().accepted === 2);
    const gone = once(other, "close");
    await listening.close();
    await gone;
    one.send(frameOf(1, 2, 4));
    expect(await takeFrames(taken, 1)).toHaveLength(1);
    for await (const _ of listening) throw new Error("nobody comes any more");
    await expect(openWebSocketPort(listening.url)).rejects.toMatchObject({ code: "not-found", path: "url" });
    await taken.close();
  });
});

describe("listening", () => {
  test.each<[string, string, unknown]>([
    ["missing", "local.port", { local: { address: "127.0.0.1" } }],
    ["malformed", "local.address", { local: { address: "localhost", port: 0 } }],
    ["wrong-type", "origins[1]", { origins: ["https://a.example", 5] }],
    ["wrong-type", "paths", { paths: "/sales" }],
    ["out-of-range", "most", { most: 0 }],
    ["out-of-range", "pingMs", { pingMs: -1 }],
    ["out-of-range", "token", { token: "" }],
    ["unknown-option", "options", { host: "127.0.0.1" }],
  ])("%s at %s: %j", async (code, path, options) => {
    const listening = listenWebSocketPorts(options as WebSocketListenerOptions);
    await expect(listening).rejects.toMatchObject({ code, path });
    await expect(listening).rejects.toSatisfy(isArgumentError);
  });

  test("an address that is taken", async () => {
    const { local } = await listener();
    await expect(listenWebSocketPorts({ local })).rejects.toMatchObject({ code: "taken", path: "local" });
  });
});

describe("in a page", () => {
  const browsing = launchChromium();
  const serving = serveFolder(root, {});
  afterAll(async () => {
    await (await browsing).close();
    await (await serving).close();
  });

  test("a port opens a WebSocket of the browser's, and frames go through a switch and back", async () => {
    const { url: origin } = await serving;
    const listening = await listener({ origins: [origin], token: "sesame" });
    const sw = await createSwitch({ workers: 0 });
    onTestFinished(() => sw.close());
    const bridgeDomain = await sw.addBridgeDomain();
    const machine = await sw.addPort({ bridgeDomain });
    void (async () => {
      for await (const port of listening) connect(await sw.addPort({ bridgeDomain }), port);
    })();
    void (async () => {
      // Whatever comes goes back to its sender.
      for await (const burst of machine)
        for (const frame of burst)
          await machine.sendAll([
            Uint8Array.from([...frame.slice(6, 12), ...frame.slice(0, 6), ...frame.slice(12)]),
          ]);
    })();
    const page = await (await browsing).newPage();
    await page.goto(`${origin}/dist/websocket.js`);
    const frames = Array.from({ length: 50 }, (_, i) => [...frameOf(1, 2, i, 60 + i)]);
    // As text: vitest would put its own import in.
    const got = await page.evaluate<number[][]>(`(async () => {
      const { openWebSocketPort } = await import("${origin}/dist/websocket.js");
      const sent = ${JSON.stringify(frames)};
      const port = await openWebSocketPort("${listening.url}", { token: "sesame" });
      await port.sendAll(sent.map((frame) => Uint8Array.from(frame)));
      const back = [];
      for await (const burst of port) {
        for (const frame of burst) back.push([...frame]);
        if (back.length === sent.length) break;
      }
      await port.close();
      return back;
    })()`);
    expect(got.map((frame) => frame.slice(12))).toEqual(frames.map((frame) => frame.slice(12)));
    await page.close();
    expect(listening.counters()).toMatchObject({ accepted: 1, refused: 0 });
  });
});
