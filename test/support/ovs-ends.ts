// Both ends of tunnels to Open vSwitch in tests, and what goes through them.
import { cook } from "./passengers.ts";

/** MACs of its end and of ours. */
export const MAC = "aa:55:aa:55:00:01";
export const OURS = "02:00:0a:01:05:07";
/** As it sees them: `remote` is ours. */
export const ADDRESSES = {
  IPv4: { local: "10.1.5.8", remote: "10.1.5.7" },
  IPv6: { local: "fd00::8", remote: "fd00::7" },
} as const;

/** Frames from one station to another: IPv4 takes the plain way into a tunnel, ARP the general one. */
export function framesForOvs(): Uint8Array[] {
  return [60, 61, 300, 1400].map((length, i) => {
    const frame = cook({ kind: i % 2 ? "ipv4" : "arp", tags: [], protocol: 17, seed: 30 + i, length });
    frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    return frame;
  });
}
