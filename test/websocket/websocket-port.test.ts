// A frame in each binary message, over WebSockets in memory, which every platform has.
import { dropReasons, type FrameBurst, isArgumentError } from "frameferry";
import { openWebSocketPort, type WebSocketPort, type WebSocketPortOptions } from "frameferry/websocket";
import { describe, expect, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { portContract, takeFrames } from "../support/port-contract.ts";
import { sendingContract } from "../support/sending-contract.ts";
import { type SocketEnd, socketPair } from "../support/socket-pair.ts";

const URL_HERE = "ws://lab.example/sales";

/** A port, and the socket at the other end. */
async function portAndPeer(
  more: WebSocketPortOptions = {},
): Promise<{ port: WebSocketPort; peer: SocketEnd; own: SocketEnd; heard: unknown[] }> {
  const [own, peer] = socketPair();
  const heard: unknown[] = [];
  peer.addEventListener("message", (event) => heard.push((event as MessageEvent).data));
  const opening = openWebSocketPort(URL_HERE, { WebSocket: made(own), ...more });
  own.dispatchEvent(new Event("open"));
  return { port: await opening, peer, own, heard };
}

/** A class that makes just this one. */
function made(socket: SocketEnd): NonNullable<WebSocketPortOptions["WebSocket"]> {
  return class {
    constructor() {
      // biome-ignore lint/correctness/noConstructorReturn: a class is asked for, and there is the one socket already
      return socket;
    }
  } as never;
}

async function portsBackToBack(): Promise<[WebSocketPort, WebSocketPort]> {
  const [a, b] = socketPair();
  const opening = [a, b].map((socket) => openWebSocketPort(URL_HERE, { WebSocket: made(socket) }));
  for (const socket of [a, b]) socket.dispatchEvent(new Event("open"));
  return (await Promise.all(opening)) as [WebSocketPort, WebSocketPort];
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 1));
}

portContract("a port over a WebSocket", async () => {
  const [from, to] = await portsBackToBack();
  return { from, to };
});

sendingContract("a port over a WebSocket", async () => {
  const [from, to] = await portsBackToBack();
  const take = async (): Promise<FrameBurst> => {
    for await (const burst of to) return burst;
    throw new Error("nothing comes any more");
  };
  return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
});

test("the token goes first, as text, and frames as binary messages behind it", async () => {
  const { port, heard } = await portAndPeer({ token: "let me in" });
  expect([port.name, port.target]).toEqual([`websocket-${URL_HERE}`, URL_HERE]);
  await port.sendAll([frameOf(1, 2, 7)]);
  await until(() => heard.length === 2);
  expect(heard[0]).toBe("let me in");
  expect(stampOf(new Uint8Array(heard[1] as ArrayBuffer))).toEqual({ from: 1, sequence: 7 });
  await port.close();
});

test("what comes before anybody reads waits; what is no frame is counted", async () => {
  const { port, peer } = await portAndPeer({ queueFrames: 3 });
  for (const length of [0, 13]) peer.send(new Uint8Array(length));
  peer.send("hello");
  peer.send(new Uint8Array(65_554));
  for (let i = 0; i < 5; i++) peer.send(frameOf(1, 2, i, 60));
  peer.send(new Uint8Array(65_553));
  await until(() => port.counters().dropped === 7);
  expect(port.counters().drops).toEqual({
    "frame-too-short": 2,
    "not-ethernet": 1,
    "frame-too-long": 1,
    "queue-full": 3,
  });
  for (const name of Object.keys(port.counters().drops))
    expect(dropReasons.map((reason) => reason.name)).toContain(name);
  expect((await takeFrames(port, 3)).map((frame) => stampOf(frame).sequence)).toEqual([0, 1, 2]);
  peer.send(new Uint8Array(65_553));
  expect((await takeFrames(port, 1))[0]).toHaveLength(65_553);
  await port.close();
});

test("a WebSocket that has much to send is given no more, until it has less", async () => {
  const { port, own, heard } = await portAndPeer({ bufferBytes: 65_536 });
  own.isHeld = true;
  const frames = Array.from({ length: 100 }, (_, i) => frameOf(1, 2, i, 1500));
  const sending = port.sendAll(frames);
  await until(() => own.bufferedAmount >= 65_536);
  await new Promise((resolve) => setTimeout(resolve, 30));
  // One frame may go over it.
  expect(own.bufferedAmount).toBeLessThan(65_536 + 1500);
  expect(port.send([frameOf(1, 2)])).toBe(0);
  own.isHeld = false;
  own.flush();
  await sending;
  await until(() => heard.length === 100);
  await port.close();
});

describe("the end", () => {
  test("by the peer: who reads is done, who sends is told", async () => {
    const { port, peer } = await portAndPeer();
    peer.send(frameOf(1, 2, 3));
    peer.close(1000);
    await until(() => port.closed);
    const got = [];
    for await (const burst of port) got.push(...burst);
    expect(got.map((frame) => stampOf(frame).sequence)).toEqual([3]);
    expect(() => port.send([frameOf(1, 2)])).toThrow("port: its peer has ended the WebSocket (1000)");
    await port.close();
  });

  test("as it should not be: who reads is told as well", async () => {
    const { port, peer } = await portAndPeer();
    const reading = takeFrames(port, 1);
    peer.close(1008, "another token");
    await expect(reading).rejects.toThrow("port: its peer has ended the WebSocket (1008, another token)");
    await port.close();
  });
});

describe("opening", () => {
  test.each<[string, string, string, unknown]>([
    ["malformed", "url", "http://lab.example/", {}],
    ["malformed", "url", "ws://", {}],
    ["malformed", "url", "ws://lab.example/#sales", {}],
    ["out-of-range", "token", URL_HERE, { token: "" }],
    ["out-of-range", "token", URL_HERE, { token: "x".repeat(4097) }],
    ["wrong-type", "token", URL_HERE, { token: 5 }],
    ["wrong-type", "WebSocket", URL_HERE, { WebSocket: "ws" }],
    ["out-of-range", "bufferBytes", URL_HERE, { bufferBytes: 1 }],
    ["out-of-range", "mtu", URL_HERE, { mtu: 45 }],
    ["unknown-option", "options", URL_HERE, { origin: "x" }],
  ])("%s at %s: %s %j", async (code, path, url, options) => {
    const opening = openWebSocketPort(url, options as WebSocketPortOptions);
    await expect(opening).rejects.toMatchObject({ code, path });
    await expect(opening).rejects.toSatisfy(isArgumentError);
  });

  test("nobody there is an error about the address; the token stays out of errors", async () => {
    const [own] = socketPair();
    const opening = openWebSocketPort(URL_HERE, { WebSocket: made(own), token: "secret" });
    own.dispatchEvent(new Event("error"));
    await expect(opening).rejects.toMatchObject({
      code: "not-found",
      message: `url: no WebSocket opens at ${URL_HERE}`,
    });
    await expect(openWebSocketPort(URL_HERE, { token: "secret".repeat(1000) })).rejects.not.toThrow("secret");
  });
});
