// A UDP socket with one peer, and what the system says when there can be none, as errors about the option at fault.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { ArgumentRangeError } from "../core/argument-error.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import type { DatagramPlan } from "./datagram-options.ts";
import { endText } from "./ends.ts";

/** What an error of the system means for an option. */
interface Refusal {
  readonly code: ErrorCode;
  readonly path: string;
  readonly sentence: (plan: DatagramPlan) => string;
}

const BIND_REFUSALS: Readonly<Record<string, Refusal>> = {
  EADDRINUSE: {
    code: "taken",
    path: "local",
    sentence: ({ local }) => `another socket has ${endText(local)} already`,
  },
  EADDRNOTAVAIL: {
    code: "not-found",
    path: "local.address",
    sentence: ({ local }) => `this machine does not have the address ${local.address}`,
  },
  EACCES: {
    code: "unsupported",
    path: "local.port",
    sentence: ({ local }) => `the system does not give this program port ${local.port}`,
  },
  EAFNOSUPPORT: {
    code: "unsupported",
    path: "local.address",
    sentence: ({ family }) => `the system does not know IPv${family}`,
  },
};

const NO_WAY: Refusal = {
  code: "unsupported",
  path: "remote.address",
  sentence: ({ local, remote }) => `the system knows no way from ${local.address} to ${remote.address}`,
};

const CONNECT_REFUSALS: Readonly<Record<string, Refusal>> = {
  ENETUNREACH: NO_WAY,
  EHOSTUNREACH: NO_WAY,
  EADDRNOTAVAIL: NO_WAY,
  EACCES: NO_WAY,
  // From the loopback to somewhere else.
  EINVAL: NO_WAY,
};

/**
 * A socket that is bound and connected. The kernel hands it nothing from others then, but what came between the two
 * steps is there still: whoever reads looks at where it is from.
 * @throws ArgumentError that names the option which the system refuses; else what Node throws.
 */
export async function connectedSocket(plan: DatagramPlan): Promise<Socket> {
  const { family, local, remote } = plan;
  const socket = createSocket({ type: `udp${family}`, ipv6Only: family === 6 });
  let refusals = BIND_REFUSALS;
  try {
    // Exclusive: workers of a cluster would share one.
    socket.bind({ ...local, exclusive: true });
    await once(socket, "listening");
    refusals = CONNECT_REFUSALS;
    socket.connect(remote.port, remote.address);
    await once(socket, "connect");
    return socket;
  } catch (error) {
    socket.close();
    throw refusalOf(refusals, plan, error);
  }
}

function refusalOf(refusals: Readonly<Record<string, Refusal>>, plan: DatagramPlan, cause: unknown): unknown {
  const refusal = refusals[(cause as NodeJS.ErrnoException).code ?? ""];
  if (refusal === undefined) return cause;
  return new ArgumentRangeError(refusal.code, refusal.path, refusal.sentence(plan), { cause });
}
