// A capture of what passes a port of a running VTEP, down the connection on which it was asked for: a pcapng without an end, until
// whoever asked goes away, the port does, or the program ends. What goes too slowly loses frames of its own, and holds nobody up.

import type { Socket } from "node:net";
import type { CaptureOutput } from "../capture/capture-io.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, type Fields, text, whole } from "../core/fields.ts";
import { type FramePort, mirror } from "../index.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import type { Vtep } from "./vtep-daemon.ts";

/** What is asked for. */
export interface CaptureQuestion {
  /** The name of a port, or `uplink`. */
  readonly port: string;
  /** In tcpdump's language. */
  readonly filter?: string | undefined;
  /** How many bytes of a frame are wanted. */
  readonly bytes?: number | undefined;
}

const FIELDS: Fields<CaptureQuestion> = {
  port: { ...text(), required: true },
  filter: text(),
  bytes: whole(1, FRAME_BYTES_MAXIMUM),
};

/** How often it is looked whether the port is there still. */
const LOOK_MILLISECONDS = 250;

/**
 * Begins to write what passes a port into `socket`; what it returns ends that.
 * @throws Error that says what of the question cannot be.
 */
export async function captureInto(
  socket: Socket,
  asked: CaptureQuestion,
  vtep: Vtep,
): Promise<() => Promise<void>> {
  const { port: name, filter, bytes } = checkFields<CaptureQuestion>("capture", FIELDS, asked);
  const port = portOf(vtep, name);
  const { compileFilter } = await import("../filter.ts");
  // Whoever asked may have gone away while that was loaded.
  if (socket.destroyed || socket.writableEnded) return async () => {};
  // Its tunnels have the ports that the configuration says, and those that are usual otherwise.
  const own = Object.entries(vtep.config.vtep.ports ?? {}).map(([kind, udpPort]) => [kind, [udpPort]]);
  const tunnelPorts = Object.fromEntries(own);
  const options = {
    bytes,
    filter: filter === undefined ? undefined : compileFilter(filter, { tunnelPorts }),
  };
  const mirroring = mirror(port, sinkOf(socket), options);
  const ends = (): Promise<void> => {
    clearInterval(looking);
    // Whoever has gone away takes nothing any more.
    return mirroring.stop().catch(() => {});
  };
  const looking = setInterval(() => port.closed && void ends(), LOOK_MILLISECONDS);
  looking.unref();
  // Who says no more has seen enough, and gets the rest.
  socket.removeAllListeners("end");
  socket.on("end", () => void ends());
  socket.on("close", () => void ends());
  return ends;
}

function portOf({ switch: { sw }, config }: Vtep, name: string): FramePort {
  if (name === "uplink" && sw.uplink !== undefined) return sw.uplink;
  // A tunnel's packets pass the uplink, and no port of its own.
  const names = config.ports.map((port) => port.name);
  if (names.includes(name)) return sw.port(name) as FramePort;
  throw new ArgumentRangeError(
    "not-found",
    "port",
    `there is none called ${JSON.stringify(name)} (known: ${[...names, "uplink"].join(", ")})`,
  );
}

function sinkOf(socket: Socket): CaptureOutput {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    close: async () => void socket.end(),
    abort: async () => void socket.destroy(),
  };
}
