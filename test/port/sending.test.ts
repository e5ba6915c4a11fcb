// Every kind of port takes frames alike. Datagram ports, which there are in Node only, are asked in test/node/.
import { createDataplane, type FramePort, portPair, QueuePort } from "frameferry";
import { Network } from "frameferry/overlay";
import { createSwitch } from "frameferry/switch";
import { modes } from "../dataplane/support.ts";
import { workerCounts } from "../live/support.ts";
import { type Ends, sendingContract } from "../support/sending-contract.ts";

/** Both ends, and whatever they stand on. */
function endsOf(from: FramePort, to: FramePort, close: () => Promise<unknown>): Ends {
  const bursts = to[Symbol.asyncIterator]();
  return {
    from,
    take: async () => {
      const { done, value } = await bursts.next();
      if (done) throw new Error("nothing comes any more");
      return value;
    },
    close: async () => void (await close()),
  };
}

sendingContract("a pair", async () => {
  const [a, b] = portPair({ mtu: 1500 });
  return endsOf(a, b, () => a.close());
});

/** A kind of one's own that says nothing about what it carries. */
class Loopback extends QueuePort {
  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    return this.deliver(frames.slice(first, end));
  }
  protected override shut(): void {}
}

sendingContract("a port of one's own", async () => {
  const port = new Loopback({ name: "loopback", mtu: 1500 });
  return endsOf(port, port, () => port.close());
});

for (const { name, options } of modes)
  sendingContract(`a channel, ${name}`, async () => {
    const dataplane = await createDataplane(options);
    const channel = await dataplane.open([]);
    return endsOf(channel, channel, () => dataplane.close());
  });

for (const workers of workerCounts)
  sendingContract(`a port of a switch with ${workers} workers`, async () => {
    const sw = await createSwitch({ workers });
    const bridgeDomain = await sw.addBridgeDomain();
    const [from, to] = [await sw.addPort({ bridgeDomain }), await sw.addPort({ bridgeDomain })];
    return endsOf(from, to, () => sw.close());
  });

sendingContract("a port of a laboratory", async () => {
  const network = await Network.create({ memoryBytes: 16 << 20 });
  const [from, to] = [network.addPort("a"), network.addPort("b")];
  network.connect(from.nic, to.nic);
  const ends = endsOf(from, to, async () => network[Symbol.dispose]());
  return {
    ...ends,
    take: () => {
      network.run();
      return ends.take();
    },
  };
});
