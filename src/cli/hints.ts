// What to do about frames that were dropped: which option takes them, by reason.

/** Behind the sentence of a reason; a reason without a row has no option that would help. */
const HINTS: Readonly<Record<string, string>> = {
  "link-type": "frameferry inspect names the link type",
  "not-tunnel":
    "if it goes to a port that is not usual, --port [KIND=]P names it; --keep-others keeps what is no tunnel's",
  "outer-ip-checksum": "--ignore-ip-checksum takes it",
  "outer-ip-fragment": "with the others of its packet, and without --no-reassembly, it is put together",
  "fragment-incomplete": "the other fragments of its packet are missing, or came too late",
  "udp-checksum": "without --verify-udp it is taken",
  "vxlan-no-vni": "if the port is another kind's, --port KIND=P says so",
  "vxlan-reserved": "without --strict it is taken",
  "other-vni": "--vni asks for others",
  "other-key": "--key asks for others",
  "other-address": "--local and --remote ask for others",
  "inner-tagged": "without --refuse-tagged it is taken",
  "geneve-critical-option": "--take-critical takes it",
  "geneve-version": "if the port is another kind's, --port KIND=P says so",
  "gre-checksum": "--ignore-gre-checksum takes it",
  "gre-reserved": "without --strict some of these flags are taken",
  "gre-protocol": "without --kind other passengers are taken, too",
  "gpe-protocol": "without --kind other passengers are taken, too",
  "geneve-protocol": "without --kind other passengers are taken, too",
};

/** What to do about a drop reason; undefined if there is nothing to be done. */
export function hintFor(reason: string): string | undefined {
  return Object.hasOwn(HINTS, reason) ? HINTS[reason] : undefined;
}
