// What a running VTEP has counted, in the form of OpenMetrics 1.0, as Prometheus reads it: printed, or at an address of this machine
// itself.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { BadConfiguration } from "./failures.ts";
import type { MetricsOptions } from "./vtep-config.ts";
import type { Asked } from "./vtep-control.ts";
import type { Vtep } from "./vtep-daemon.ts";
import { QUESTIONS } from "./vtep-state.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly unit?: "seconds" | "bytes";
  readonly samples: readonly Sample[];
}

const TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const HERE = "127.0.0.1";

/** Text of all counters, `# EOF` at its end. */
export function metricsOf(vtep: Vtep): string {
  return `${familiesOf(vtep).map(textOf).join("")}# EOF\n`;
}

function familiesOf(vtep: Vtep): Family[] {
  const { seconds, fdb, received, copies, sent, dropped, bridgeDomains } = QUESTIONS.counters(vtep);
  const ports = QUESTIONS.ports(vtep);
  const counted = (frames: Readonly<Record<string, number>>, labels: Labels = {}): Sample[] =>
    Object.entries(frames).map(([event, count]) => [{ ...labels, event }, count]);
  return [
    {
      name: "frameferry_uptime_seconds",
      type: "gauge",
      unit: "seconds",
      help: "How long it runs.",
      samples: [[{}, seconds]],
    },
    {
      name: "frameferry_frames",
      type: "counter",
      help: "Frames of the switch: received + copies = sent + dropped + on their way.",
      samples: counted({ received, copies, sent, dropped }),
    },
    {
      name: "frameferry_bridge_domain_frames",
      type: "counter",
      help: "Frames by bridge domain.",
      samples: bridgeDomains.flatMap(({ name, vni, ...frames }) =>
        counted(
          { received: frames.received, copies: frames.copies, sent: frames.sent, dropped: frames.dropped },
          { bridge_domain: name, ...(vni !== null && { vni: String(vni) }) },
        ),
      ),
    },
    {
      name: "frameferry_port_frames",
      type: "counter",
      help: "Frames by port, seen from the switch.",
      samples: ports.flatMap((port) =>
        counted({ received: port.received, sent: port.sent }, { port: port.name, kind: port.kind }),
      ),
    },
    {
      name: "frameferry_port_bytes",
      type: "counter",
      unit: "bytes",
      help: "Bytes of frames by port, seen from the switch.",
      samples: ports.flatMap((port) =>
        counted({ received: port.receivedBytes, sent: port.sentBytes }, { port: port.name, kind: port.kind }),
      ),
    },
    {
      name: "frameferry_port_up",
      type: "gauge",
      help: "Whether what is plugged into a port is there.",
      samples: ports.map(({ name, kind, state }) => [{ port: name, kind }, state === "up" ? 1 : 0]),
    },
    {
      name: "frameferry_drops",
      type: "counter",
      help: "Frames that were lost, by place and reason.",
      samples: QUESTIONS.drops(vtep).map(({ where, reason, frames }) => [{ where, reason }, frames]),
    },
    {
      name: "frameferry_fdb_entries",
      type: "gauge",
      help: "Entries of the forwarding database.",
      samples: [[{}, fdb]],
    },
  ];
}

function textOf({ name, type, unit, help, samples }: Family): string {
  const lines = [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escaped(help)}`,
    ...samples.map(
      ([labels, value]) => `${name}${type === "counter" ? "_total" : ""}${labelsText(labels)} ${value}`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
  return text.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

/**
 * Answers `GET /metrics` at an address of the loopback.
 * @throws BadConfiguration if it is no such address, or another program has the port.
 */
export async function serveMetrics(
  file: string,
  { address = HERE, port }: MetricsOptions,
  vtep: Vtep,
): Promise<Asked> {
  if (!isLoopback(address))
    throw new BadConfiguration(file, `metrics.address: expected an address of the loopback, got ${address}`);
  const server = createServer((request, response) => answer(request, response, vtep));
  server.listen(port, address);
  try {
    await once(server, "listening");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new BadConfiguration(file, `metrics: ${address} port ${port} cannot be listened at: ${code}`);
  }
  return {
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function isLoopback(address: string): boolean {
  return (isIP(address) === 4 && address.startsWith("127.")) || address === "::1";
}

function answer(request: IncomingMessage, response: ServerResponse, vtep: Vtep): void {
  const { method = "", url, headers } = request;
  // A page may have any name lead here, and would read along with it.
  const host = (headers.host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const [status, text] =
    host !== "localhost" && !isLoopback(host)
      ? [403, "only by an address of the loopback, or as localhost\n"]
      : method !== "GET" && method !== "HEAD"
        ? [405, "only GET\n"]
        : url === "/metrics"
          ? [200, metricsOf(vtep)]
          : [404, "only /metrics\n"];
  response.writeHead(status as number, {
    "content-type": status === 200 ? TYPE : "text/plain; charset=utf-8",
    ...(status === 405 && { allow: "GET, HEAD" }),
  });
  response.end(method === "HEAD" ? undefined : text);
}
