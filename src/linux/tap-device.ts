// Makes a TAP: an interface of the system whose other end is a file. Frames that the system sends there are read, and what is
// written the system has received. It goes with its file.

import { parseMac } from "../core/addresses.ts";
import { Undo } from "../core/undo.ts";
import { InterfaceRequest, withInterface } from "./interface.ts";
import type { Native } from "./libc.ts";
import { inNamespace } from "./namespace.ts";
import { type Refusals, refusing } from "./refusal.ts";
import type { TapPlan } from "./tap-options.ts";

const DEVICE = "/dev/net/tun";
const READ_AND_WRITE = 2;
const NON_BLOCKING = 0x800;
const CLOSE_ON_EXEC = 0x80000;

const TUNSETIFF = 0x400454ca;
const IFF_TAP = 2;
/** Frames alone, without four bytes in front. */
const IFF_NO_PI = 0x1000;
/** With a header in front that says what is left undone: offload.layout. */
const IFF_VNET_HDR = 0x4000;

const TUNSETOFFLOAD = 0x400454d0;
/** What the system may leave undone, from the most on: the last four need Linux 6.2. */
const OFFLOADS: readonly (readonly [flags: number, names: readonly SystemOffload[]])[] = [
  [0x67, ["checksum", "tcp-segmentation", "udp-segmentation"]],
  [0x07, ["checksum", "tcp-segmentation"]],
];

/** What is left to the port where the interface sends, and to the interface where the port sends. */
export type SystemOffload = "checksum" | "tcp-segmentation" | "udp-segmentation";

export interface TapDevice {
  readonly descriptor: number;
  /** Of the interface. */
  readonly name: string;
  readonly mtu: number;
  /** Whether a header stands in front of each frame, and what it may say. */
  readonly hasHeader: boolean;
  readonly offloads: readonly SystemOffload[];
}

/** @throws ArgumentError that names the option which the system refuses. */
export function makeTap(native: Native, plan: TapPlan): TapDevice {
  return inNamespace(native, plan.namespace, () => {
    const undo = new Undo();
    try {
      const descriptor = refusing(OPEN_REFUSALS, () => opened(native));
      undo.add(() => native.libc.close(descriptor));
      const { name, hasHeader } = refusing(refusalsOfName(plan.name), () =>
        attached(native, descriptor, plan),
      );
      const offloads = hasHeader ? allowed(native, descriptor) : [];
      const mtu = refusing(refusalsOfSetting(plan.mtu), () =>
        withInterface(native, name, (card) => {
          if (plan.mtu !== undefined) card.mtu = plan.mtu;
          if (plan.mac !== undefined) card.mac = parseMac("mac", plan.mac);
          if (plan.up) card.up();
          return card.mtu;
        }),
      );
      return { descriptor, name, mtu, hasHeader, offloads };
    } catch (error) {
      throw undo.because(error);
    }
  });
}

function opened({ libc, failure }: Native): number {
  const descriptor = libc.open(DEVICE, READ_AND_WRITE | NON_BLOCKING | CLOSE_ON_EXEC);
  if (descriptor < 0) throw failure("open");
  return descriptor;
}

/** Makes the interface, with headers in front of frames if that is wanted and there can be some. */
function attached(
  native: Native,
  descriptor: number,
  plan: TapPlan,
): { readonly name: string; readonly hasHeader: boolean } {
  for (let hasHeader = plan.offloads; ; hasHeader = false) {
    const request = new InterfaceRequest(plan.name);
    request.flags = IFF_TAP | IFF_NO_PI | (hasHeader ? IFF_VNET_HDR : 0);
    if (native.libc.ioctl(descriptor, TUNSETIFF, request.bytes) >= 0)
      return { name: request.name, hasHeader };
    if (!hasHeader || native.errorCode() !== "EINVAL") throw native.failure("TUNSETIFF");
  }
}

/** What the system agrees to leave undone. */
function allowed({ libc }: Native, descriptor: number): readonly SystemOffload[] {
  for (const [flags, names] of OFFLOADS)
    if (libc.ioctlNumber(descriptor, TUNSETOFFLOAD, flags) >= 0) return names;
  return [];
}

const NO_TAPS = {
  code: "unsupported",
  path: "tap",
  sentence: `this system has no TAPs: ${DEVICE} is not there`,
} as const;
const NOT_OPENED = {
  code: "unsupported",
  path: "tap",
  sentence: `the system does not let this program open ${DEVICE}`,
} as const;

const OPEN_REFUSALS: Refusals = {
  ENOENT: NO_TAPS,
  ENODEV: NO_TAPS,
  ENXIO: NO_TAPS,
  EACCES: NOT_OPENED,
  EPERM: NOT_OPENED,
};

function refusalsOfName(name: string): Refusals {
  const path = "name";
  return {
    EBUSY: { code: "taken", path, sentence: `another program has ${name} already` },
    EINVAL: {
      code: "taken",
      path,
      sentence: `there is an interface ${name} already, which is no TAP of this kind`,
    },
    EPERM: {
      code: "unsupported",
      path,
      sentence: `the system does not let this program make ${name}: it needs CAP_NET_ADMIN`,
    },
  };
}

function refusalsOfSetting(mtu: number | undefined): Refusals {
  return {
    EINVAL: { code: "out-of-range", path: "mtu", sentence: `the system does not take ${mtu}` },
    EPERM: {
      code: "unsupported",
      path: mtu === undefined ? "up" : "mtu",
      sentence: "the system does not let this program set that: it needs CAP_NET_ADMIN",
    },
  };
}
