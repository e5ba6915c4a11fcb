// What a UDP carrier of Linux is told beside what all carriers are.

import { type Checked, checkFields, type Fields, flag } from "../core/fields.ts";
import { type CarrierPlan, carrierPlan, type UdpCarrierOptions } from "../sockets/carrier-options.ts";

export interface LinuxCarrierOptions extends UdpCarrierOptions {
  /**
   * Whether the system may cut what leaves into datagrams, and join what comes, which saves most of its time. Default: true, as far as
   * the system does it; see `systemOffloads`.
   */
  readonly offloads?: boolean | undefined;
  /**
   * Whether the port gives and takes super-frames, for a switch with the same option: TCP segments that come one behind the
   * other are joined, and cut where they leave. Default false.
   */
  readonly superFrames?: boolean | undefined;
}

type Own = Pick<LinuxCarrierOptions, "offloads" | "superFrames">;

/** Options after the check. */
export type LinuxCarrierPlan = CarrierPlan & Checked<Own, "offloads" | "superFrames">;

const ownFields: Fields<Own, "offloads" | "superFrames"> = {
  offloads: { ...flag(), fallback: true },
  superFrames: { ...flag(), fallback: false },
};

/** @throws ArgumentError that names the option. */
export function linuxCarrierPlan(options: LinuxCarrierOptions): LinuxCarrierPlan {
  // What is no object is told by whoever checks the rest.
  if (typeof options !== "object" || options === null) return carrierPlan(options) as LinuxCarrierPlan;
  const { offloads, superFrames, ...rest } = options;
  const own = checkFields<Own, "offloads" | "superFrames">("options", ownFields, { offloads, superFrames });
  return { ...carrierPlan(rest), ...own };
}
