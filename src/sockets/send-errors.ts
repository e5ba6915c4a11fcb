// What the system says of a datagram that it has not sent, as a reason for which frames are lost.

/** Errors that speak of the way to the peer, not of the socket: they pass, as when the peer is started later. */
export const UNREACHABLE: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
]);

export function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}

/** Why a frame was not sent: the name of a drop reason. */
export function reasonOf(code: string): string {
  if (UNREACHABLE.has(code)) return "unreachable";
  if (code === "EMSGSIZE") return "frame-too-long";
  if (code === "ECANCELED") return "closed";
  return "not-sent";
}
