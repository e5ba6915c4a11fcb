// UDP sockets, with one peer or with none, and what the system says when there can be none, as errors about the option at
// fault.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { ArgumentRangeError } from "../core/argument-error.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import type { DatagramPlan } from "./datagram-options.ts";
import { type AddressEndpoint, endText, familyOf } from "./ends.ts";

/** What errors about an end here call it, its address and its port. */
export interface EndPaths {
  readonly end: string;
  readonly address: string;
  readonly port: string;
}

const LOCAL: EndPaths = { end: "local", address: "local.address", port: "local.port" };

/** What an error of the system means for an option: whose fault it is, and a sentence. */
type BindRefusal = readonly [ErrorCode, keyof EndPaths, (local: AddressEndpoint) => string];

const BIND_REFUSALS: Readonly<Record<string, BindRefusal>> = {
  EADDRINUSE: ["taken", "end", (local) => `another socket has ${endText(local)} already`],
  EADDRNOTAVAIL: [
    "not-found",
    "address",
    ({ address }) => `this machine does not have the address ${address}`,
  ],
  EACCES: ["unsupported", "port", ({ port }) => `the system does not give this program port ${port}`],
  EAFNOSUPPORT: [
    "unsupported",
    "address",
    ({ address }) => `the system does not know IPv${familyOf(address)}`,
  ],
};

/** What connecting means by them: no way leads there. */
const NO_WAY: ReadonlySet<string> = new Set([
  ...["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EACCES"],
  // From the loopback to somewhere else.
  "EINVAL",
]);

/** Addresses are given as such: nobody is asked for them, and no turn goes by. */
function ownLookup(
  address: string,
  family: unknown,
  done: (error: null, address: string, family: unknown) => void,
): void {
  done(null, address, family);
}

/**
 * A socket that is bound, and sends without asking for names. It has the address to itself: workers of a cluster would
 * share one.
 * @throws ArgumentError that names the option which the system refuses; else what Node throws.
 */
export async function boundSocket(local: AddressEndpoint, paths: EndPaths = LOCAL): Promise<Socket> {
  const family = familyOf(local.address);
  const lookup = ownLookup as never;
  const socket = createSocket({ type: `udp${family}`, ipv6Only: family === 6, lookup });
  try {
    // Before: it is said at once.
    const listening = once(socket, "listening");
    socket.bind({ address: local.address, port: local.port, exclusive: true });
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw bindRefusal(error, local, paths);
  }
}

/** What the system's error about an end here means for an option; the error itself if it means nothing. */
export function bindRefusal(error: unknown, local: AddressEndpoint, paths: EndPaths): unknown {
  const refusal = BIND_REFUSALS[(error as { readonly code?: string }).code ?? ""];
  if (refusal === undefined) return error;
  const [code, place, sentence] = refusal;
  return new ArgumentRangeError(code, paths[place], sentence(local), { cause: error });
}

/**
 * A socket that is bound and connected. The kernel hands it nothing from others then, but what came between the two
 * steps is there still: whoever reads looks at where it is from.
 * @throws ArgumentError that names the option which the system refuses; else what Node throws.
 */
export async function connectedSocket({ local, remote }: DatagramPlan): Promise<Socket> {
  const socket = await boundSocket(local);
  try {
    socket.connect(remote.port, remote.address);
    await once(socket, "connect");
    return socket;
  } catch (error) {
    socket.close();
    if (!NO_WAY.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    const sentence = `the system knows no way from ${local.address} to ${remote.address}`;
    throw new ArgumentRangeError("unsupported", "remote.address", sentence, { cause: error });
  }
}
