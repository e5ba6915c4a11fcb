// One frame through a running VTEP's switch, decision by decision, without anybody getting it: a twin of the switch, made of
// the same configuration and of what the switch has learned, takes it in, and what has come of it there is told.

import { formatMac, parseMac } from "../core/addresses.ts";
import { dropReasons } from "../core/drop-reasons.ts";
import { bytesOfHex } from "../core/hex.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import type { BridgeDomain, FdbEntry, SwitchCore } from "../switch.ts";
import { dissect, vnisOf } from "../wire.ts";
import { UsageError } from "./failures.ts";
import { buildSwitch } from "./switch-build.ts";
import { switchOf } from "./vtep-config.ts";
import type { Vtep } from "./vtep-daemon.ts";

/** What is asked: a frame as hex digits, and by which port it comes in. */
export interface TraceQuestion {
  readonly port?: unknown;
  readonly frame?: unknown;
}

export interface Trace {
  /** One decision each, in their order. */
  readonly steps: readonly string[];
  /** What leaves, and where. */
  readonly sent: readonly { readonly port: string; readonly frame: string }[];
  /** Why frames were dropped, and how many. */
  readonly drops: Readonly<Record<string, number>>;
}

const SENTENCES: ReadonlyMap<string, string> = new Map(
  dropReasons.map(({ name, sentence }) => [name, sentence]),
);

/** @throws UsageError for a port that there is not, or a frame that is none. */
export async function traceFrame(vtep: Vtep, { port: name, frame: digits }: TraceQuestion): Promise<Trace> {
  const live = vtep.switch.sw;
  const port = typeof name === "string" ? (name === "uplink" ? live.uplink : live.port(name)) : undefined;
  if (port === undefined || port.kind === "tunnel")
    throw new UsageError(
      `PORT: there is no port ${JSON.stringify(name)}; tunnels are asked by what comes in at uplink`,
    );
  const frame = frameOf(digits);
  const { sw, batch } = await buildSwitch("the configuration", switchOf(vtep.config));
  try {
    const comes = port.kind === "uplink" ? sw.uplink : sw.port(port.name);
    if (comes === undefined) throw new UsageError(`PORT: ${port.name} is about to go`);
    // What is learned of the frame itself is to be seen.
    const look = looking(vtep);
    const sources = new Set(ethernets(look(frame)).map(([, source]) => source));
    for (const entry of live.fdb.entries())
      if (entry.kind === "learned" && !sources.has(entry.mac)) copyEntry(sw, entry);
    batch.clear();
    batch.add(frame, { mark: comes.number });
    const sent: { port: string; bytes: Uint8Array }[] = [];
    sw.forward(batch, Date.now(), (bytes, number) => {
      const to = sw.ports().find((each) => each.number === number);
      sent.push({ port: to?.name ?? String(number), bytes: bytes.slice() });
    });
    const { drops } = sw.counters();
    return {
      steps: [
        ...stepsOf(vtep, sw, comes, frame),
        ...sent.map((one) => sentStep(look, one)),
        ...dropSteps(drops),
      ],
      sent: sent.map(({ port: to, bytes }) => ({ port: to, frame: Buffer.from(bytes).toString("hex") })),
      drops: Object.fromEntries(Object.entries(drops).filter(([, frames]) => frames > 0)),
    };
  } finally {
    batch.close();
    sw.close();
  }
}

function frameOf(digits: unknown): Uint8Array {
  const plain = typeof digits === "string" ? digits.replaceAll(/[\s:]/g, "") : "";
  if (!/^(?:[0-9a-f]{2})+$/i.test(plain) || plain.length > 2 * FRAME_BYTES_MAXIMUM)
    throw new UsageError(`--frame: expected 1 to ${FRAME_BYTES_MAXIMUM} bytes in hex`);
  return bytesOfHex(plain);
}

/** A port that is gone, or a bridge domain, takes what was learned there with it. */
function copyEntry(sw: SwitchCore, { bridgeDomain: { name }, mac, port }: FdbEntry): void {
  const bridgeDomain = sw.bridgeDomain(name);
  const to = port === undefined ? undefined : sw.port(port.name);
  if (bridgeDomain !== undefined && to !== undefined && to.kind !== "uplink")
    sw.fdb.set({ bridgeDomain, mac, port: to });
}

type Layers = ReturnType<typeof dissect>["layers"];

/** Reads headers, of tunnels by the ports that the VTEP has. */
function looking({ config }: Vtep): (bytes: Uint8Array) => Layers {
  const own = Object.entries(config.vtep.ports ?? {}).map(([kind, port]) => [kind, [port]]);
  const tunnelPorts = Object.fromEntries(own);
  return (bytes) => dissect(bytes, { tunnelPorts }).layers;
}

/** Destination and source of all Ethernet headers, from the outermost on. */
function ethernets(layers: Layers): [destination: string, source: string][] {
  return layers.flatMap((layer) =>
    layer.name === "ethernet"
      ? [[formatMac(layer.header.destination), formatMac(layer.header.source)] as [string, string]]
      : [],
  );
}

function stepsOf(
  vtep: Vtep,
  twin: SwitchCore,
  comes: { readonly name: string; readonly kind: string },
  frame: Uint8Array,
): string[] {
  const counters = twin.counters();
  const layers = looking(vtep)(frame);
  const steps = [`comes in by ${comes.name} (${comes.kind}): ${stackOf(layers)}, ${frame.length} bytes`];
  const isPacket = comes.kind === "uplink";
  const tunnel = counters.ports.find(({ kind, received }) => kind === "tunnel" && received > 0);
  if (isPacket) {
    const [vni] = vnisOf(layers);
    if (tunnel === undefined)
      return [...steps, "is no packet of a tunnel that there is, or from nobody's remote"];
    steps.push(`is a packet of the tunnel ${tunnel.name}${vni === undefined ? "" : `, VNI ${vni}`}`);
  }
  const found = counters.bridgeDomains.find(({ received }) => received > 0);
  const domain = found && vtep.switch.sw.bridgeDomain(found.name);
  const macs = ethernets(layers).at(isPacket ? -1 : 0);
  if (domain === undefined || macs === undefined) return steps;
  steps.push(`belongs to the bridge domain ${domain.name}`);
  const [destination, source] = macs;
  const at = (isPacket ? tunnel?.name : undefined) ?? comes.name;
  steps.push(sourceStep(vtep, domain, source, at), destinationStep(vtep, domain, destination));
  const { arp, echo, ttlExceeded, packetTooBig } = counters.answered;
  if (arp + echo + ttlExceeded + packetTooBig > 0) steps.push("is answered by the switch itself");
  if (counters.copies > 0) steps.push(`is copied ${counters.copies} times`);
  return steps;
}

function sourceStep({ switch: { sw } }: Vtep, domain: BridgeDomain, mac: string, at: string): string {
  const known = entryOf(sw, domain, mac);
  if (known === undefined)
    return `its source ${mac} is not known: it would be learned at ${at}, if that learns`;
  const where = known.port?.name ?? "nowhere";
  if (known.kind !== "learned") return `its source ${mac} is fixed at ${where} (${known.kind})`;
  return where === at
    ? `its source ${mac} is known at ${at}`
    : `its source ${mac} is known at ${where}: it would move to ${at}`;
}

function destinationStep({ switch: { sw }, config }: Vtep, domain: BridgeDomain, mac: string): string {
  if ((parseMac("frame", mac)[0] as number) & 1) return `its destination ${mac} is a group: it is flooded`;
  const isGateway = (config.routers ?? []).some(({ interfaces }) =>
    interfaces.some((one) => one.bridgeDomain === domain.name && formatMac(parseMac("mac", one.mac)) === mac),
  );
  if (isGateway) return `its destination ${mac} is the router's: it is routed`;
  const known = entryOf(sw, domain, mac);
  if (known === undefined) return `its destination ${mac} is not known`;
  return known.kind === "blackhole"
    ? `its destination ${mac} is a blackhole`
    : `its destination ${mac} is ${known.kind === "static" ? "fixed" : "known"} at ${known.port?.name}`;
}

/** No switch knows what a group's address or that of nobody is. */
function entryOf(sw: Vtep["switch"]["sw"], bridgeDomain: BridgeDomain, mac: string): FdbEntry | undefined {
  return /^00(?::00){5}$/.test(mac) ? undefined : sw.fdb.get(bridgeDomain, mac);
}

function sentStep(
  look: (bytes: Uint8Array) => Layers,
  { port, bytes }: { readonly port: string; readonly bytes: Uint8Array },
): string {
  return `leaves by ${port}: ${stackOf(look(bytes))}, ${bytes.length} bytes`;
}

function dropSteps(drops: Readonly<Record<string, number>>): string[] {
  return Object.entries(drops)
    .filter(([, frames]) => frames > 0)
    .map(([reason, frames]) => {
      const often = frames === 1 ? "is dropped" : `${frames} copies are dropped`;
      return `${often}: ${reason} (${SENTENCES.get(reason) ?? ""})`;
    });
}

function stackOf(layers: Layers): string {
  return layers.map(({ name }) => name).join("/");
}
