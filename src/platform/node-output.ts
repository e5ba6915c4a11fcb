// Captures written in Node. A file is written under another name in the same folder and gets its final name
// when it is complete, so that nobody ever reads half of one.

import {
  close as closeFile,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  linkSync,
  open as openFile,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
  write as writeFile,
} from "node:fs";
import { readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { isatty } from "node:tty";
import { promisify } from "node:util";
import { fileError } from "./file-error.ts";
import { addTemporary, forgetTemporary, removeTemporary, temporaryName } from "./temporary-files.ts";

const open = promisify(openFile);
const write = promisify(writeFile);
const close = promisify(closeFile);

const STDOUT = 1;
/** Standard output under other names: opening these anew would start at the beginning of the file again. */
const STDOUT_NAMES = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
/** As many symbolic links as Linux follows. */
const LINKS_MAXIMUM = 40;
const PERMISSIONS = 0o7777;

export interface NodeOutput {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason: unknown): Promise<void>;
  /** Whether writes settle soon after `abort()`, whatever happens: into a pipe that nobody reads they wait for ever. */
  readonly settles: boolean;
}

/**
 * An output in the steps that `closeTogether` takes, only in this order. Each is called at most once, but for `finish`,
 * which may have been called before.
 */
interface SteppedOutput extends NodeOutput {
  /** Everything has been written; nothing is to be seen of it yet. */
  finish(): Promise<void>;
  /** Gives the file its name, and keeps what had it before. At once: no signal is handled meanwhile. */
  publish(): void;
  /** Puts things back as they were before `publish`. */
  retract(): void;
  /** Lets go of what was kept. */
  settle(): void;
}

/**
 * Closes outputs that `createOutputFile` has made so that all files get their names, or none: then what was there
 * before is there again, and the error of the first that failed is thrown.
 */
export async function closeTogether(outputs: readonly NodeOutput[]): Promise<void> {
  const all = outputs as readonly SteppedOutput[];
  const published: SteppedOutput[] = [];
  try {
    for (const output of all) await output.finish();
    for (const output of all) {
      output.publish();
      published.push(output);
    }
  } catch (error) {
    for (const output of published.reverse()) output.retract();
    for (const output of all) if (!published.includes(output)) await output.abort(error);
    throw error;
  }
  for (const output of all) output.settle();
}

/** Says that all has been written to an output for `closeTogether`: it takes no more, and is no open file any longer. */
export async function finishOutput(output: NodeOutput): Promise<void> {
  await (output as SteppedOutput).finish();
}

export function isStandardOutput(path: string): boolean {
  return STDOUT_NAMES.includes(path);
}

export async function createOutputFile(path: string): Promise<NodeOutput> {
  if (isStandardOutput(path)) return openStandardOutput();
  try {
    const existing = await statOf(path);
    if (existing?.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    if (path.endsWith("/")) throw Object.assign(new Error("there is no such folder"), { code: "ENOENT" });
    // A device or a named pipe is written to, never replaced.
    if (existing !== undefined && !existing.isFile()) {
      return new OpenOutput(await open(path, constants.O_WRONLY), path, false);
    }
    return createTemporary(path, await finalPath(path), existing);
  } catch (cause) {
    throw fileError("write", path, cause);
  }
}

function openStandardOutput(): SteppedOutput {
  try {
    const status = fstatSync(STDOUT);
    // Node's stream over a file loses what a short write leaves over.
    if (status.isFile() || (status.isCharacterDevice() && !isatty(STDOUT)))
      return new OpenOutput(STDOUT, "-", true);
  } catch (cause) {
    throw fileError("write", "-", cause);
  }
  return new StreamOutput(process.stdout);
}

function createTemporary(path: string, target: string, existing: Stats | undefined): SteppedOutput {
  // Its length does not depend on the final name's, which may be as long as the file system allows.
  const temporary = temporaryName(target);
  addTemporary(temporary);
  try {
    // Not awaited: were a signal handled between making the file and knowing of it, the file would stay.
    const file = openSync(temporary, "wx", existing === undefined ? 0o666 : existing.mode & 0o777);
    if (existing !== undefined) inherit(file, existing);
    return new TemporaryOutput(file, path, temporary, target);
  } catch (cause) {
    removeTemporary(temporary);
    throw cause;
  }
}

/** Owner and permissions of the file that will be replaced. */
function inherit(file: number, existing: Stats): void {
  const { uid, gid } = fstatSync(file);
  if (uid !== existing.uid || gid !== existing.gid) {
    try {
      fchownSync(file, existing.uid, existing.gid);
    } catch {
      // Only root may give files away; others get one of their own.
    }
  }
  fchmodSync(file, existing.mode & PERMISSIONS);
}

/** What is at `path`, links followed; undefined if there is nothing. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The file behind all symbolic links, whether it exists already or not. */
async function finalPath(path: string): Promise<string> {
  let name = path;
  for (let links = 0; links <= LINKS_MAXIMUM; links++) {
    const folder = await realpath(dirname(name));
    name = join(folder, basename(name));
    const target = await readlink(name).catch(() => undefined);
    if (target === undefined) return name;
    name = resolve(folder, target);
  }
  throw Object.assign(new Error("too many symbolic links encountered"), { code: "ELOOP" });
}

async function writeAll(file: number, path: string, bytes: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; ) {
      done += (await write(file, bytes, done, bytes.length - done, null)).bytesWritten;
    }
  } catch (cause) {
    throw fileError("write", path, cause);
  }
}

/** What is written to as it is: a device, a named pipe, standard output that is a file. */
class OpenOutput implements SteppedOutput {
  readonly settles: boolean;
  readonly #file: number;
  readonly #path: string;
  #closed = false;

  constructor(file: number, path: string, settles: boolean) {
    this.#file = file;
    this.#path = path;
    this.settles = settles;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, this.#path, bytes);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#file === STDOUT) return;
    await close(this.#file).catch((cause) => {
      throw fileError("write", this.#path, cause);
    });
  }

  async abort(): Promise<void> {
    await this.close().catch(() => {});
  }

  async finish(): Promise<void> {
    await this.close();
  }

  publish(): void {}

  retract(): void {}

  settle(): void {}
}

class TemporaryOutput implements SteppedOutput {
  readonly settles: boolean = true;
  readonly #file: number;
  readonly #path: string;
  readonly #temporary: string;
  readonly #target: string;
  /** Another name for the file that had ours before, where files can have two. */
  readonly #kept: string;
  #before: "kept" | "nothing" | "unknown" = "unknown";
  #finished = false;
  #closed = false;

  constructor(file: number, path: string, temporary: string, target: string) {
    this.#file = file;
    this.#path = path;
    this.#temporary = temporary;
    this.#target = target;
    this.#kept = `${temporary}.old`;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#file, this.#path, bytes);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.finish();
    this.#rename();
  }

  async abort(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    removeTemporary(this.#temporary);
    if (!this.#finished) await close(this.#file).catch(() => {});
  }

  async finish(): Promise<void> {
    if (this.#finished) return;
    this.#finished = true;
    try {
      await close(this.#file);
    } catch (cause) {
      this.#closed = true;
      this.#fail(cause);
    }
  }

  publish(): void {
    this.#closed = true;
    addTemporary(this.#kept);
    try {
      linkSync(this.#target, this.#kept);
      this.#before = "kept";
    } catch (cause) {
      forgetTemporary(this.#kept);
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") this.#before = "nothing";
    }
    this.#rename();
  }

  retract(): void {
    try {
      if (this.#before === "kept") renameSync(this.#kept, this.#target);
      else if (this.#before === "nothing") unlinkSync(this.#target);
    } catch {
      // Somebody else has been there; the error that led here is the one to tell.
    }
    forgetTemporary(this.#kept);
  }

  settle(): void {
    if (this.#before === "kept") removeTemporary(this.#kept);
  }

  #rename(): void {
    try {
      // Together, so that no signal is handled between them.
      renameSync(this.#temporary, this.#target);
      forgetTemporary(this.#temporary);
    } catch (cause) {
      this.settle();
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): never {
    removeTemporary(this.#temporary);
    throw fileError("write", this.#path, cause);
  }
}

/** A pipe, a socket or a terminal. */
class StreamOutput implements SteppedOutput {
  readonly settles: boolean = false;
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
    // Each write reports its own failure; without a listener the event would end the process.
    if (!stream.listeners("error").includes(ignore)) stream.on("error", ignore);
  }

  /** Settles once the bytes have left the process: they may be overwritten then, and no queue builds up. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((settle, reject) => {
      this.#stream.write(bytes, (cause) => {
        if (cause) reject(fileError("write", "-", cause));
        else settle();
      });
    });
  }

  async close(): Promise<void> {}

  async abort(): Promise<void> {}

  async finish(): Promise<void> {}

  publish(): void {}

  retract(): void {}

  settle(): void {}
}

function ignore(): void {}
