// The functions of the C library that are called here, through koffi. It is loaded when the first device is opened, and
// nobody who opens none needs it.
//
// Memory is given as a Uint8Array, or by its address as a number: a call costs 70 to 150 ns more than in C either way
// (measured), so what counts is how many there are.

import { createRequire } from "node:module";
import { constants } from "node:os";
import { ArgumentRangeError } from "../core/argument-error.ts";

/** Where a frame or a structure lies: its bytes, or the address of the first. */
export type Place = Uint8Array | number;

export interface Libc {
  open(path: string, flags: number): number;
  close(descriptor: number): number;
  read(descriptor: number, to: number, length: number): number;
  write(descriptor: number, from: Place, length: number): number;
  ioctl(descriptor: number, request: number, structure: Uint8Array): number;
  /** Of requests whose argument is a number. */
  ioctlNumber(descriptor: number, request: number, value: number): number;
  socket(family: number, type: number, protocol: number): number;
  bind(descriptor: number, address: Uint8Array, length: number): number;
  connect(descriptor: number, address: Uint8Array, length: number): number;
  getsockname(descriptor: number, address: Uint8Array, length: Uint8Array): number;
  setsockopt(descriptor: number, level: number, name: number, value: Uint8Array, length: number): number;
  getsockopt(descriptor: number, level: number, name: number, value: Uint8Array, length: Uint8Array): number;
  mmap(
    address: number,
    length: number,
    rights: number,
    flags: number,
    descriptor: number,
    offset: number,
  ): number;
  recvmmsg(descriptor: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(descriptor: number, messages: number, count: number, flags: number): number;
  setns(descriptor: number, kind: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, descriptor: number, event: Uint8Array): number;
  eventfd(count: number, flags: number): number;
}

/** What each is in C. The structures behind pointers are written and read byte by byte. */
const DECLARATIONS: Readonly<Record<keyof Libc, string>> = {
  open: "int open(const char *path, int flags)",
  close: "int close(int fd)",
  read: "long read(int fd, uintptr_t to, size_t length)",
  write: "long write(int fd, void *from, size_t length)",
  ioctl: "int ioctl(int fd, unsigned long request, void *structure)",
  ioctlNumber: "int ioctl(int fd, unsigned long request, unsigned long value)",
  socket: "int socket(int family, int type, int protocol)",
  bind: "int bind(int fd, void *address, unsigned int length)",
  connect: "int connect(int fd, void *address, unsigned int length)",
  getsockname: "int getsockname(int fd, void *address, void *length)",
  setsockopt: "int setsockopt(int fd, int level, int name, void *value, unsigned int length)",
  getsockopt: "int getsockopt(int fd, int level, int name, void *value, void *length)",
  mmap: "intptr_t mmap(uintptr_t address, size_t length, int rights, int flags, int fd, long offset)",
  recvmmsg: "int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)",
  sendmmsg: "int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)",
  setns: "int setns(int fd, int kind)",
  epoll_create1: "int epoll_create1(int flags)",
  epoll_ctl: "int epoll_ctl(int epoll, int operation, int fd, void *event)",
  eventfd: "int eventfd(unsigned int count, int flags)",
};

/** What is taken of koffi. */
interface Koffi {
  load(path: null): { func(declaration: string): (...values: unknown[]) => unknown };
  address(view: Uint8Array): bigint;
  view(address: bigint, length: number): ArrayBuffer;
  errno(): number;
}

/** Processors whose structures are as they are written here: 64 bits, little-endian. */
const PROCESSORS: ReadonlySet<string> = new Set(["x64", "arm64", "riscv64", "loong64"]);

/** An error of the system: as Node has them, with `code` and `syscall`. */
export class SystemError extends Error {
  /** `EBUSY`, say. */
  readonly code: string;
  /** The call that failed, as `open`, or what was asked of it, as `TUNSETIFF`. */
  readonly syscall: string;

  constructor(code: string, syscall: string, what?: string) {
    super(`${what === undefined ? "" : `${what}: `}${syscall}: ${code}`);
    this.code = code;
    this.syscall = syscall;
  }
}

/** The C library, and what stands around it. */
export interface Native {
  readonly libc: Libc;
  /** Where koffi lies, for threads that load it themselves. */
  readonly koffiPath: string;
  /** Where the bytes of a buffer begin. It must outlive whoever uses the address. */
  addressOf(bytes: Uint8Array): number;
  /** The bytes at an address, as long as they are mapped. */
  viewOf(address: number, length: number): ArrayBuffer;
  /** The code of the error of the last call, `EBUSY`, say. */
  errorCode(): string;
  /** The error of the last call, which was this one. */
  failure(syscall: string): SystemError;
}

let loaded: Promise<Native> | undefined;

/**
 * Loads koffi and the C library, once.
 * @throws ArgumentError with the code `unsupported` where there is no Linux, or no koffi.
 */
export function loadNative(): Promise<Native> {
  if (loaded === undefined) {
    loaded = load();
    // Who installs it meanwhile finds it the next time.
    loaded.catch(() => (loaded = undefined));
  }
  return loaded;
}

async function load(): Promise<Native> {
  const { platform, arch } = process;
  if (platform !== "linux")
    throw unsupported("platform", `devices of Linux are only there, and this is ${platform}`);
  if (!PROCESSORS.has(arch))
    throw unsupported("platform", `it runs on ${[...PROCESSORS].join(", ")}, and this is ${arch}`);
  const koffiPath = koffiPlace();
  const koffi = createRequire(koffiPath)(koffiPath) as Koffi;
  const library = koffi.load(null);
  const calls = Object.entries(DECLARATIONS).map(([name, declaration]) => [name, library.func(declaration)]);
  const errorCode = (): string => codeOf(koffi.errno());
  return {
    libc: Object.fromEntries(calls),
    koffiPath,
    addressOf: (bytes) => Number(koffi.address(bytes)),
    viewOf: (address, length) => koffi.view(BigInt(address), length),
    errorCode,
    failure: (syscall) => new SystemError(errorCode(), syscall),
  };
}

function koffiPlace(): string {
  try {
    return createRequire(import.meta.url).resolve("koffi");
  } catch (cause) {
    const sentence = "frameferry/linux needs this package, which is not installed: npm install koffi";
    throw unsupported("koffi", sentence, cause);
  }
}

function unsupported(path: string, sentence: string, cause?: unknown): ArgumentRangeError {
  return new ArgumentRangeError("unsupported", path, sentence, cause === undefined ? {} : { cause });
}

/** Error numbers of Linux that Node has no name for. */
const MORE_CODES: Readonly<Record<number, string>> = { 77: "EBADFD" };

const CODES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

function codeOf(number: number): string {
  // The two names of 11 are one on Linux.
  if (number === constants.errno.EAGAIN) return "EAGAIN";
  return MORE_CODES[number] ?? CODES.get(number) ?? `error ${number}`;
}
