// What the system said about a file, as one sentence that names the file.

import { getSystemErrorMap } from "node:util";

/** A file could not be read or written. */
export class FileError extends Error {
  override readonly name: string = "FileError";
  /** What the system calls it: `ENOENT`, `ENOSPC`, `EPIPE` ... */
  readonly code: string;
  /** The file as it was named; `-` for standard input or output. */
  readonly path: string;

  constructor(action: "read" | "write", path: string, code: string, reason: string, cause: unknown) {
    const standard = action === "read" ? "standard input" : "standard output";
    super(`cannot ${action} ${path === "-" ? standard : path}: ${reason}`, { cause });
    this.code = code;
    this.path = path;
  }
}

/** The error that `cause`, which Node threw, stands for. */
export function fileError(action: "read" | "write", path: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  const { code = "unknown", errno, message } = cause as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno);
  const reason = code === "EISDIR" ? "it is a folder" : (known?.[1] ?? message);
  return new FileError(action, path, code, reason, cause);
}
