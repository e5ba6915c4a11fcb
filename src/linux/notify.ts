// Tells the manager of services how a program stands, as sd_notify(3) of systemd does it: lines in a datagram to a unix socket,
// for which Node has no calls.

import { Undo } from "../core/undo.ts";
import { loadNative } from "./libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
/** The family in front of the path of `struct sockaddr_un`, and the bytes that the path may have. */
const PATH = 2;
const PATH_MOST = 108;
/** A path that begins with it is no file: it begins with a zero in the structure. */
const ABSTRACT = "@";

/**
 * Sends `lines` to the socket that NOTIFY_SOCKET names; nothing where there is none.
 * @throws SystemError if nobody takes them, ArgumentError with the code `unsupported` without koffi.
 */
export async function notifyManager(...lines: readonly string[]): Promise<void> {
  const { NOTIFY_SOCKET: path } = process.env;
  if (path === undefined || path === "") return;
  const { libc, failure } = await loadNative();
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw failure("socket");
  const undo = new Undo();
  undo.add(() => libc.close(descriptor));
  try {
    const address = unixAddress(path);
    if (libc.connect(descriptor, address, address.length) < 0) throw failure("connect");
    const text = new TextEncoder().encode(lines.join("\n"));
    if (libc.write(descriptor, text, text.length) < 0) throw failure("write");
  } finally {
    undo.all();
  }
}

/** `struct sockaddr_un` of a path. */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(path.startsWith(ABSTRACT) ? `\0${path.slice(1)}` : path);
  const bytes = new Uint8Array(new ArrayBuffer(PATH + Math.min(name.length, PATH_MOST)));
  bytes[0] = AF_UNIX;
  bytes.set(name.subarray(0, PATH_MOST), PATH);
  return bytes;
}
