// A switch's uplink on a network of UDP sockets: over the loopback, between switches and plain sockets.
import dgram, { type Socket } from "node:dgram";
import { once } from "node:events";
import { connect, dropReasons, isArgumentError } from "frameferry";
import { openUdpCarrier, type UdpCarrier, type UdpCarrierOptions } from "frameferry/node";
import { createSwitch, type Switch } from "frameferry/switch";
import { dissect, emitEthernet, emitIpv4, emitIpv6, emitUdp, ipv4ChecksumIsGood } from "frameferry/wire";
import { describe, expect, onTestFinished, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { type PortPackets, portContract, takeFrames, untilIdle } from "../support/port-contract.ts";

const HERE = "127.0.0.1";
const THERE = "127.0.0.2";
const UDP = 17;

async function opened(options: UdpCarrierOptions): Promise<UdpCarrier> {
  const carrier = await openUdpCarrier(options);
  onTestFinished(() => carrier.close());
  return carrier;
}

/** A plain socket, which sends and takes what UDP carries. */
async function plainSocket(address = THERE, port = 0): Promise<Socket> {
  const socket = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.bind(port, address);
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  return socket;
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Way {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Bytes in front of what UDP carries. */
const frontOf = ({ source }: Way): number => 14 + (source.includes(":") ? 40 : 20) + 8;

/** A whole packet, as a switch sends it. */
function packet(way: Way, payload: Uint8Array): Uint8Array {
  const { source, destination, sourcePort, destinationPort } = way;
  const front = frontOf(way);
  const bytes = new Uint8Array(front + payload.length);
  const length = 8 + payload.length;
  const etherType = front === 42 ? 0x0800 : 0x86dd;
  const ip = emitEthernet(
    { destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01", etherType },
    bytes,
  );
  const udp =
    front === 42
      ? emitIpv4({ totalLength: 20 + length, protocol: UDP, source, destination }, bytes, ip)
      : emitIpv6({ payloadLength: length, protocol: UDP, source, destination }, bytes, ip);
  emitUdp({ sourcePort, destinationPort, length }, bytes, udp);
  bytes.set(payload, front);
  return bytes;
}

function packetsOf(way: Way): PortPackets {
  const overhead = frontOf(way);
  return { mtu: 1518 + overhead - 14, overhead, wrap: (frame) => packet(way, frame) };
}

describe.each([
  ["IPv4", HERE, THERE],
  // There is one address of the loopback only.
  ["IPv6", "::1", "::1"],
] as const)("over %s", (family, here, there) => {
  portContract(`a UDP carrier over ${family}`, async () => {
    const mtu = 1518 + (family === "IPv4" ? 28 : 48);
    const from = await openUdpCarrier({ local: here, ports: 0, mtu });
    const to = await openUdpCarrier({ local: there, ports: [0], mtu });
    const [{ port: sourcePort }, { port: destinationPort }] = [from.locals[0]!, to.locals[0]!];
    return {
      from,
      to,
      packets: packetsOf({ source: here, destination: there, sourcePort, destinationPort }),
    };
  });

  test("takes the outer headers off, and puts sound ones in front of what comes", async () => {
    const carrier = await opened({ local: here, ports: 0 });
    const peer = await plainSocket(there);
    const { port } = carrier.locals[0]!;
    const way = {
      source: here,
      destination: there,
      sourcePort: 50_000,
      destinationPort: peer.address().port,
    };
    for (const length of [0, 1, 8, 60, 1450, 9001, 65_000]) {
      const payload = Uint8Array.from({ length }, (_, i) => i * 7);
      const told = once(peer, "message");
      // Ethernet pads short frames; what is behind the packet is none of it.
      const frame = packet(way, payload);
      await carrier.sendAll([length < 8 ? Uint8Array.from([...frame, 9, 9, 9]) : frame]);
      const [bytes, from] = await told;
      expect(Buffer.compare(bytes, payload)).toBe(0);
      expect(from).toMatchObject({ address: here, port });
      peer.send(payload, port, here);
      const [back] = await takeFrames(carrier, 1);
      expect(Buffer.compare(back!.subarray(frontOf(way)), payload)).toBe(0);
      const names = dissect(back!).layers.map(({ name }) => name);
      expect(names.slice(0, 3)).toEqual(["ethernet", family.toLowerCase(), "udp"]);
      const expected = packet(
        { source: there, destination: here, sourcePort: peer.address().port, destinationPort: port },
        payload,
      );
      if (family === "IPv4") {
        expect(ipv4ChecksumIsGood(back!, 14, 20)).toBe(true);
        // No fragment: that stands in the first byte behind the identification, and in the checksum.
        expect(back![20]).toBe(0x40);
        for (const frame of [back!, expected]) frame.fill(0, 18, 26);
      }
      expect(back!.subarray(12, frontOf(way))).toEqual(expected.subarray(12, frontOf(way)));
    }
    expect(carrier.counters()).toMatchObject({ sent: 7, received: 7, dropped: 0 });
  });
});

describe("switches over it", () => {
  const PORTS = { vxlan: 47891, geneve: 47892, "vxlan-gpe": 47893 } as const;
  const KINDS = ["vxlan", "geneve", "vxlan-gpe"] as const;

  async function vtepAt(address: string, far: string): Promise<{ sw: Switch; carrier: UdpCarrier }> {
    const sw = await createSwitch({ workers: 0, vtep: { address, ports: PORTS } });
    onTestFinished(() => sw.close());
    const carrier = await opened({ local: address, ports: Object.values(PORTS), remotes: [far] });
    connect(sw.uplink!, carrier);
    return { sw, carrier };
  }

  test("frames of three kinds of tunnels go both ways, and nothing else gets in", async () => {
    const ends = [await vtepAt(HERE, THERE), await vtepAt(THERE, HERE)];
    const ports = await Promise.all(
      ends.map(({ sw }, i) =>
        Promise.all(
          KINDS.map(async (kind, k) => {
            const bridgeDomain = await sw.addBridgeDomain({ vni: 5000 + k });
            await sw.addTunnel({ kind, remote: i === 0 ? THERE : HERE, bridgeDomains: [bridgeDomain] });
            return sw.addPort({ bridgeDomain });
          }),
        ),
      ),
    );
    for (const k of KINDS.keys()) {
      const [a, b] = [ports[0]![k]!, ports[1]![k]!];
      for (const [from, to, seed] of [
        [a, b, 1],
        [b, a, 2],
      ] as const) {
        const frames = Array.from({ length: 200 }, (_, i) =>
          frameOf(10 + seed, 13 - seed, i, 64 + ((i * 131) % 1400)),
        );
        const taking = takeFrames(to, 200);
        await from.sendAll(frames);
        expect(await taking).toEqual(frames);
      }
    }
    // Somebody else, with a packet that would be right if it came from the remote.
    const stranger = await plainSocket("127.0.0.3");
    const [one] = ends;
    stranger.send(Uint8Array.from([8, 0, 0, 0, 0, 19, 136, 0, ...frameOf(9, -1)]), PORTS.vxlan, HERE);
    await until(() => one!.carrier.counters().dropped === 1);
    expect(one!.carrier.counters()).toMatchObject({
      sent: 600,
      received: 600,
      drops: { "unknown-remote": 1 },
    });
    // And where everybody may send, the switch decides.
    one!.carrier.setRemotes(undefined);
    stranger.send(Uint8Array.from([8, 0, 0, 0, 0, 19, 136, 0, ...frameOf(9, -1)]), PORTS.vxlan, HERE);
    await until(() => one!.sw.counters().dropped === 1);
    expect(one!.sw.counters().drops).toEqual({ "unknown-remote": 1 });
  });
});

describe("who may speak with it", () => {
  const payload = new Uint8Array(20).fill(1);

  test("a remote's port, if one is given, is the only one", async () => {
    const [yes, no] = [await plainSocket(), await plainSocket()];
    const carrier = await opened({
      local: HERE,
      ports: 0,
      remotes: [{ address: THERE, port: yes.address().port }],
    });
    const { port } = carrier.locals[0]!;
    for (const socket of [no, yes]) socket.send(payload, port, HERE);
    const [frame] = await takeFrames(carrier, 1);
    expect(new DataView(frame!.buffer, frame!.byteOffset).getUint16(34)).toBe(yes.address().port);
    await until(() => carrier.counters().dropped === 1);
    const heard: string[] = [];
    yes.on("message", () => heard.push("yes"));
    no.on("message", () => heard.push("no"));
    const to = (socket: Socket): Uint8Array =>
      packet(
        { source: HERE, destination: THERE, sourcePort: 9, destinationPort: socket.address().port },
        payload,
      );
    await carrier.sendAll([to(no), to(yes)]);
    await until(() => heard.length === 1);
    await pause(20);
    expect(heard).toEqual(["yes"]);
    expect(carrier.counters().drops).toEqual({ "unknown-remote": 1, "other-address": 1 });
    carrier.setRemotes([THERE]);
    await carrier.sendAll([to(no)]);
    await until(() => heard.length === 2);
    carrier.setRemotes([]);
    await carrier.sendAll([to(no), to(yes)]);
    yes.send(payload, port, HERE);
    await until(() => carrier.counters().dropped === 5);
    expect(heard).toEqual(["yes", "no"]);
    expect(() => carrier.setRemotes([{ address: THERE, port: 0 }])).toThrow(/^remotes\[0\]\.port: /);
    expect(() => carrier.setRemotes(["0.0.0.0"])).toThrow(/^remotes\[0\]: /);
  });

  test("more senders than are remembered are told apart", async () => {
    const carrier = await opened({ local: HERE, ports: 0 });
    const { port } = carrier.locals[0]!;
    for (let i = 0; i < 1100; i++) {
      const source = [127, 1, i >> 8, i & 255];
      const sender = dgram.createSocket("udp4");
      sender.bind(0, source.join("."));
      await once(sender, "listening");
      sender.send(payload, port, HERE);
      const [frame] = await takeFrames(carrier, 1);
      sender.close();
      expect([...frame!.subarray(26, 30)]).toEqual(source);
    }
  });

  test("a flow keeps its source port, and many flows have several", async () => {
    const peer = await plainSocket();
    const carrier = await opened({ local: HERE, ports: 0, sourcePorts: 4 });
    const { port } = carrier.locals[0]!;
    const from: number[] = [];
    peer.on("message", (_, { port: source }) => from.push(source));
    const destinationPort = peer.address().port;
    for (let sourcePort = 50_000; sourcePort < 50_008; sourcePort++)
      await carrier.sendAll([
        packet({ source: HERE, destination: THERE, sourcePort, destinationPort }, payload),
      ]);
    await until(() => from.length === 8);
    expect(new Set(from).size).toBe(4);
    expect(from.slice(4)).toEqual(from.slice(0, 4));
    expect(from).not.toContain(port);
    // Nothing comes in there.
    peer.send(payload, from[0]!, HERE);
    await until(() => carrier.counters().dropped === 1);
    expect(carrier.counters()).toMatchObject({ waiting: 0, drops: { "not-tunnel": 1 } });
  });
});

describe("what cannot leave", () => {
  const way = { source: HERE, destination: THERE, sourcePort: 50_000, destinationPort: 9 };
  const sound = packet(way, new Uint8Array(16));
  const six = packet({ ...way, source: "::1", destination: "::1" }, new Uint8Array(16));
  const changed = (frame: Uint8Array, at: number, ...bytes: readonly number[]): Uint8Array => {
    const copy = frame.slice();
    copy.set(bytes, at);
    return copy;
  };

  test.each<[string, Uint8Array]>([
    ["frame-too-short", sound.slice(0, 13)],
    ["not-tunnel", changed(sound, 12, 0x08, 0x06)],
    ["not-tunnel", changed(sound, 12, 0x81, 0x00)],
    ["not-tunnel", changed(sound, 23, 47)],
    ["not-tunnel", changed(six, 20, 44)],
    ["outer-ip-truncated", sound.slice(0, 33)],
    ["outer-ip-truncated", sound.slice(0, -1)],
    ["outer-ip-truncated", six.slice(0, 53)],
    ["outer-ip-truncated", six.slice(0, -1)],
    ["outer-ip-header", changed(sound, 14, 0x65)],
    ["outer-ip-header", changed(sound, 14, 0x44)],
    ["outer-ip-header", changed(sound, 16, 0, 19)],
    ["outer-ip-header", changed(six, 14, 0x40)],
    ["outer-ip-fragment", changed(sound, 20, 0x20, 0)],
    ["outer-ip-fragment", changed(sound, 20, 0, 1)],
    ["udp-truncated", changed(sound, 16, 0, 27)],
    ["udp-length", changed(sound, 38, 0, 7)],
    ["udp-length", changed(sound, 38, 0, 25)],
    ["other-address", packet({ ...way, source: "127.0.0.9" }, new Uint8Array(16))],
    ["other-address", packet({ ...way, destination: "127.0.0.9" }, new Uint8Array(16))],
    ["other-address", packet({ ...way, destinationPort: 0 }, new Uint8Array(16))],
    ["other-address", six],
  ])("%s: %#", async (reason, frame) => {
    const carrier = await opened({ local: HERE, ports: 0, remotes: [THERE] });
    await carrier.sendAll([frame, sound]);
    await untilIdle(carrier);
    expect(carrier.counters()).toMatchObject({ sent: 2, dropped: 1, drops: { [reason]: 1 } });
    expect(dropReasons.map(({ name }) => name)).toContain(reason);
  });

  test("what the system does not send is counted, and the carrier goes on", async () => {
    const carrier = await opened({ local: HERE, ports: 0 });
    const peer = await plainSocket();
    // From the loopback no way leads there.
    await carrier.sendAll([packet({ ...way, destination: "192.0.2.1" }, new Uint8Array(16))]);
    await until(() => carrier.counters().dropped === 1);
    expect(Object.keys(carrier.counters().drops)).toEqual([
      expect.stringMatching(/^(not-sent|unreachable)$/),
    ]);
    const told = once(peer, "message");
    await carrier.sendAll([packet({ ...way, destinationPort: peer.address().port }, new Uint8Array(16))]);
    expect((await told)[0]).toHaveLength(16);
  });
});

describe("opening", () => {
  test.each<[string, string, unknown]>([
    ["missing", "local", {}],
    ["out-of-range", "local", { local: [] }],
    ["out-of-range", "ports", { local: HERE, ports: [] }],
    ["malformed", "local", { local: "0.0.0.0" }],
    ["malformed", "local[1]", { local: [HERE, "vtep"] }],
    ["out-of-range", "ports[1]", { local: HERE, ports: [0, 65536] }],
    ["malformed", "remotes[0]", { local: HERE, remotes: ["224.0.0.1"] }],
    ["missing", "remotes[0].address", { local: HERE, remotes: [{ port: 5 }] }],
    ["out-of-range", "remotes[0].port", { local: HERE, remotes: [{ address: THERE, port: 65536 }] }],
    ["wrong-type", "remotes[0]", { local: HERE, remotes: [5] }],
    ["out-of-range", "sourcePorts", { local: HERE, sourcePorts: 65 }],
    ["out-of-range", "mtu", { local: HERE, mtu: 575 }],
    ["unknown-option", "options", { local: HERE, remote: THERE }],
  ])("%s at %s: %j", async (code, path, options) => {
    const opening = openUdpCarrier(options as UdpCarrierOptions);
    await expect(opening).rejects.toMatchObject({ code, path });
    await expect(opening).rejects.toSatisfy(isArgumentError);
  });

  test("an end that another has, and an address that nobody has; then nothing stays open", async () => {
    const other = await plainSocket(THERE);
    const { port } = other.address();
    await expect(openUdpCarrier({ local: [HERE, THERE], ports: port })).rejects.toMatchObject({
      code: "taken",
      message: `local[1]: another socket has ${THERE}:${port} already`,
    });
    await expect(openUdpCarrier({ local: "192.0.2.1", ports: 0 })).rejects.toMatchObject({
      code: "not-found",
      message: "local: this machine does not have the address 192.0.2.1",
    });
    const again = await opened({ local: HERE, ports: port });
    expect(again.locals).toEqual([{ address: HERE, port }]);
    expect(again.name).toBe(`carrier-${HERE}:${port}`);
  });

  test("addresses of both families, each with all ports", async () => {
    const carrier = await opened({ local: [HERE, "::1"], ports: [0, 0], name: "underlay" });
    expect(carrier.locals.map(({ address }) => address)).toEqual([HERE, HERE, "::1", "::1"]);
    expect(carrier.name).toBe("underlay");
    const peers = [await plainSocket(THERE), await plainSocket("::1")];
    for (const { address, port } of carrier.locals)
      peers[address === HERE ? 0 : 1]!.send(frameOf(1, 2, port), port, address);
    const got = await takeFrames(carrier, 4);
    const sequences = got.map((frame) => stampOf(frame.slice(frame[12] === 8 ? 42 : 62)).sequence);
    expect(sequences.sort()).toEqual(carrier.locals.map(({ port }) => port).sort());
  });
});
