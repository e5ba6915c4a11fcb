// Frames of other links than Ethernet for filters: packets that Ethernet frames carry, behind the headers of a link. They
// are changed and cut behind these headers: there libpcap and what is here agree, and where they do not, docs/filter.md
// says so.
import { Expressions, type Frame, Random, type Words } from "./filter-expressions.ts";
import { FROZEN_SEED, filterFrames } from "./filter-frames.ts";
import { LINK_FRAMES } from "./link-frames.ts";

/** A link type: the ways in which libpcap knows its frames (link-frames.ts), and words that are about it. */
export interface FilterLink {
  readonly name: string;
  readonly linkType: number;
  readonly choices: readonly number[];
  readonly words: Words;
}

export const FILTER_LINKS: readonly FilterLink[] = [
  { name: "raw IP", linkType: 101, choices: [0], words: "packets" },
  { name: "raw IPv4", linkType: 228, choices: [0], words: "packets" },
  { name: "raw IPv6", linkType: 229, choices: [0], words: "packets" },
  { name: "BSD loopback", linkType: 0, choices: [0], words: "packets" },
  { name: "OpenBSD loopback", linkType: 108, choices: [24], words: "packets" },
  { name: "PPP", linkType: 9, choices: [1], words: "packets" },
  { name: "PPP over serial lines", linkType: 50, choices: [1], words: "packets" },
  { name: "Cisco HDLC", linkType: 104, choices: [0, 1], words: "packets" },
  { name: "Linux cooked", linkType: 113, choices: [0, 1, 2, 3, 4, 5, 6, 7], words: "cooked" },
  { name: "Linux cooked, version 2", linkType: 276, choices: [0, 1, 2, 3, 4], words: "cooked 2" },
  { name: "netfilter log", linkType: 239, choices: [0, 2, 4, 6, 8, 10], words: "bytes" },
  { name: "802.11", linkType: 105, choices: [0, 1, 8, 9, 16, 17], words: "wlan" },
  { name: "802.11 with radiotap", linkType: 127, choices: [0, 1, 41, 64, 128, 145, 225], words: "wlan" },
];

/** Expressions for each link whose verdicts are frozen, and the frames they are judged on. */
export function frozenLink(link: FilterLink): {
  readonly texts: readonly string[];
  readonly frames: readonly Frame[];
} {
  const packets = filterFrames(FROZEN_SEED);
  const expressions = new Expressions(FROZEN_SEED + link.linkType, packets, link.words);
  const texts = new Set(Array.from({ length: FROZEN_EXPRESSIONS }, () => expressions.next()));
  return { texts: [...texts], frames: linkFrames(link, packets, FROZEN_SEED) };
}

const FROZEN_EXPRESSIONS = 40;

const STATIONS = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9];
/** Beginnings of 802.11 frames that carry no packets: a beacon to all, requests and answers, and null data. */
const WITHOUT_DATA: readonly (readonly number[])[] = [
  [0x80, 0, 0, 0, 255, 255, 255, 255, 255, 255, ...STATIONS.slice(6), 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8],
  [0x40, 0, 0, 0, ...STATIONS, 0x20, 0],
  [0xb0, 0, 0, 0, ...STATIONS, 0x20, 0, 1, 2, 3, 4],
  [0xb4, 0, 0, 0, ...STATIONS.slice(0, 12)],
  [0xc4, 0, 0, 0, ...STATIONS.slice(0, 6)],
  [0xd4, 0, 0, 0, ...STATIONS.slice(0, 6)],
  [0xa4, 0, 0, 0, ...STATIONS.slice(0, 12)],
];
const RADIOTAP = [0, 0, 12, 0, 4, 0, 0, 0, 2, 0, 0, 0];

/** Some of what the frames carry, behind headers of the link: whole, changed and cut. */
export function linkFrames(
  { linkType, choices, words }: FilterLink,
  frames: readonly Frame[],
  seed: number,
): Frame[] {
  const random = new Random(seed);
  const wrap = LINK_FRAMES.get(linkType);
  if (wrap === undefined) throw new Error(`no frames of link type ${linkType}`);
  const linked: Frame[] = [];
  const versions = linkType === 228 ? [4] : linkType === 229 ? [6] : [4, 6];
  for (const { bytes } of frames) {
    const packet = bytes.slice(14);
    const type = bytes.length < 15 ? 0 : (bytes[12] as number) * 256 + (bytes[13] as number);
    const version = (packet[0] ?? 0) >> 4;
    if (!versions.includes(version) || type !== (version === 4 ? 0x0800 : 0x86dd)) continue;
    const whole = wrap(packet, random.of(choices));
    // The header of a link, and the version behind it, stay as they are.
    const packetAt = whole.length - packet.length + 1;
    linked.push({ bytes: whole, wireLength: whole.length });
    const changed = whole.slice(0, packetAt + random.next(Math.min(120, whole.length - packetAt + 1)));
    for (let i = random.next(3); i > 0 && changed.length > packetAt; i--)
      changed[packetAt + random.next(Math.min(60, changed.length - packetAt))] = random.next(256);
    linked.push({ bytes: changed, wireLength: whole.length });
  }
  if (words === "wlan")
    for (const beginning of WITHOUT_DATA) {
      const front = linkType === 127 ? RADIOTAP : [];
      const whole = Uint8Array.from([...front, ...beginning]);
      // Where nothing of the 802.11 header is there, libpcap refuses whatever is asked.
      for (let { length } = whole; length > front.length; length -= 5)
        linked.push({ bytes: whole.slice(0, length), wireLength: whole.length });
    }
  return linked;
}
