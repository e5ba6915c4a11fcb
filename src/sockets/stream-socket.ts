// Connecting and listening, and what the system says when that cannot be, as errors about the option at fault.

import { once } from "node:events";
import { type Server, Socket } from "node:net";
import { ArgumentRangeError } from "../core/argument-error.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import { endpointText, type StreamEndpoint, systemEnd } from "./stream-options.ts";

/** What an error of the system means, at an end; the sentence is said of it. */
type Refusals = Readonly<Record<string, readonly [ErrorCode, (end: string) => string]>>;

const CONNECT_REFUSALS: Refusals = {
  ECONNREFUSED: ["not-found", (end) => `nobody listens at ${end}`],
  ENOENT: ["not-found", (end) => `there is no socket at ${end}`],
  ENOTSOCK: ["not-found", (end) => `${end} is no socket`],
  ETIMEDOUT: ["not-found", (end) => `nobody answers at ${end}`],
  EHOSTUNREACH: ["unsupported", (end) => `the system knows no way to ${end}`],
  ENETUNREACH: ["unsupported", (end) => `the system knows no way to ${end}`],
  EACCES: ["unsupported", (end) => `the system does not let this program use ${end}`],
  EAFNOSUPPORT: ["unsupported", (end) => `the system does not know the address family of ${end}`],
};

const LISTEN_REFUSALS: Refusals = {
  EADDRINUSE: ["taken", (end) => `something is at ${end} already`],
  EADDRNOTAVAIL: ["not-found", (end) => `this machine does not have the address of ${end}`],
  ENOTDIR: ["not-found", (end) => `there is no folder for ${end}`],
  // Of a path without a folder, too: libuv makes that of ENOENT.
  EACCES: [
    "unsupported",
    (end) => `this program cannot listen at ${end}: it may not, or there is no such folder`,
  ],
  EAFNOSUPPORT: ["unsupported", (end) => `the system does not know the address family of ${end}`],
};

/** @throws ArgumentError at `remote` if there is nobody; else what Node throws. */
export async function connectedStream(remote: StreamEndpoint): Promise<Socket> {
  const socket = new Socket();
  try {
    socket.connect(systemEnd(remote));
    await once(socket, "connect");
    return socket;
  } catch (error) {
    socket.destroy();
    throw refusalOf(CONNECT_REFUSALS, "remote", remote, error);
  }
}

/** @throws ArgumentError at `local` if nobody can listen there; else what Node throws. */
export async function listening(server: Server, local: StreamEndpoint): Promise<void> {
  try {
    // Exclusive: workers of a cluster would share one.
    server.listen({ ...systemEnd(local), exclusive: true, ipv6Only: true });
    await once(server, "listening");
  } catch (error) {
    throw refusalOf(LISTEN_REFUSALS, "local", local, error);
  }
}

function refusalOf(refusals: Refusals, path: string, end: StreamEndpoint, cause: unknown): unknown {
  const refusal = refusals[(cause as NodeJS.ErrnoException).code ?? ""];
  if (refusal === undefined) return cause;
  const [code, sentence] = refusal;
  return new ArgumentRangeError(code, path, sentence(endpointText(end)), { cause });
}
