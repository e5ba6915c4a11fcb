// Two VTEPs over the loopback, with a machine at each, which is a datagram port.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { FramePort } from "frameferry";
import { type DatagramPort, openDatagramPort } from "frameferry/node";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../cli/program.ts";
import { frameOf, stampOf } from "../live/support.ts";
import { takeFrames } from "./port-contract.ts";
import { startedVtep } from "./vtep.ts";

export const HERE = "127.0.0.1";
export const THERE = "127.0.0.2";
export const VNI = 42;

/** A UDP port that nobody has at these addresses at this moment. */
export async function freePort(...addresses: readonly string[]): Promise<number> {
  for (;;) {
    const sockets = addresses.map(() => createSocket("udp4"));
    try {
      let port = 0;
      for (const [index, socket] of sockets.entries()) {
        socket.bind(port, addresses[index]);
        await once(socket, "listening");
        port = socket.address().port;
      }
      return port;
    } catch {
      // Another address has none of this number to give.
    } finally {
      for (const socket of sockets) socket.close();
    }
  }
}

export interface Cable {
  readonly plug: { readonly udp: object };
  /** The machine at its other end. */
  readonly machine: DatagramPort;
}

export async function cable(): Promise<Cable> {
  const local = { address: HERE, port: await freePort(HERE) };
  const machine = await openDatagramPort({ local: { address: HERE, port: 0 }, remote: local });
  onTestFinished(() => machine.close());
  return { plug: { udp: { local, remote: machine.local } }, machine };
}

export const domain = { name: "blue", vni: VNI };

export function tunnelTo(remote: string): object {
  return { name: `to-${remote}`, remote, bridgeDomains: ["blue"] };
}

/** Sends numbered frames, a few at a time, and takes them at the other end: no more are on the way than a socket holds. */
export async function ride(
  from: FramePort,
  to: FramePort,
  count: number,
  sender = 1,
  receiver = 2,
): Promise<number[]> {
  const got: number[] = [];
  for (let first = 0; first < count; first += 16) {
    const frames = Array.from({ length: Math.min(16, count - first) }, (_, i) =>
      frameOf(sender, receiver, first + i),
    );
    const taking = takeFrames(to, frames.length);
    await from.sendAll(frames);
    for (const frame of await taking) got.push(stampOf(frame).sequence);
  }
  return got;
}

export const counted = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Two VTEPs, a machine at each. */
export async function pair() {
  const folder = temporaryFolder();
  const vxlan = await freePort(HERE, THERE);
  const [a, b] = [await cable(), await cable()];
  const configOf = (address: string, remote: string, { plug }: Cable) => ({
    vtep: { address, ports: { vxlan } },
    bridgeDomains: [domain],
    ports: [{ name: "machine", bridgeDomain: "blue", ...plug }],
    tunnels: [tunnelTo(remote)],
  });
  const configs = [configOf(HERE, THERE, a), configOf(THERE, HERE, b)] as const;
  const vteps = [
    await startedVtep(folder, configs[0], undefined, "a"),
    await startedVtep(folder, configs[1], undefined, "b"),
  ] as const;
  return { folder, configs, vteps, machines: [a.machine, b.machine] as const };
}
