// What decapsulations of all kinds write alike: a flag for each option that is a choice of two.

import {
  DECAPSULATE_BARE,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_RAW,
  DECAPSULATE_REFUSE_TAGGED,
  DECAPSULATE_STRICT,
  DECAPSULATE_STRICT_LENGTHS,
  DECAPSULATE_TAKE_CRITICAL,
  DECAPSULATE_TRUST_GRE,
  DECAPSULATE_TRUST_IP,
  DECAPSULATE_VERIFY_UDP,
  INHERIT_DSCP,
  INHERIT_ECN,
  INHERIT_TTL,
} from "../layout/stage.layout.ts";

/** For each option, the choice that sets the flag. */
const FLAGS: readonly (readonly [option: string, value: string, flag: number])[] = [
  ["rule", "strict", DECAPSULATE_STRICT],
  ["others", "keep", DECAPSULATE_KEEP_OTHERS],
  ["udpChecksum", "verify", DECAPSULATE_VERIFY_UDP],
  ["ipChecksum", "ignore", DECAPSULATE_TRUST_IP],
  ["checksum", "ignore", DECAPSULATE_TRUST_GRE],
  ["criticalOptions", "take", DECAPSULATE_TAKE_CRITICAL],
  ["innerTag", "drop", DECAPSULATE_REFUSE_TAGGED],
  ["header", "bare", DECAPSULATE_BARE],
  ["lengths", "strict", DECAPSULATE_STRICT_LENGTHS],
  ["link", "raw", DECAPSULATE_RAW],
  ["ecn", "rfc6040", INHERIT_ECN],
  ["dscp", "uniform", INHERIT_DSCP],
  ["ttl", "uniform", INHERIT_TTL],
];

/** The flags of checked options. */
export function decapsulateFlags(checked: Readonly<Record<string, unknown>>): number {
  return FLAGS.reduce(
    (flags, [option, value, flag]) => (checked[option] === value ? flags | flag : flags),
    0,
  );
}
