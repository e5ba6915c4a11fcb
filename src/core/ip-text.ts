// IP addresses in text: IPv4 in four decimal parts without leading zeros, IPv6 as RFC 4291 §2.2 has it and as RFC 5952 writes it.
// Our own, since a library for it was a twentieth of all that a page loads.

const PART = "(?:0|[1-9][0-9]{0,2})";
const IPV4 = new RegExp(`^${PART}(?:\\.${PART}){3}$`);
const GROUP = /^[0-9a-f]{1,4}$/i;
const GROUPS = 8;

/** The four bytes of an IPv4 address; undefined if it is none. */
export function bytesOfIpv4(text: string): Uint8Array | undefined {
  if (!IPV4.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  return parts.every((part) => part < 256) ? Uint8Array.from(parts) : undefined;
}

/** The eight groups of 16 bits of an IPv6 address, of which the last two may be written as IPv4; undefined if it is none. */
export function groupsOfIpv6(text: string): readonly number[] | undefined {
  const gap = text.indexOf("::");
  if (gap >= 0 && text.includes("::", gap + 1)) return undefined;
  const before = groupsOf(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const behind = gap < 0 ? [] : groupsOf(text.slice(gap + 2), true);
  if (before === undefined || behind === undefined) return undefined;
  const missing = GROUPS - before.length - behind.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  return [...before, ...new Array<number>(missing).fill(0), ...behind];
}

/** The sixteen bytes of an IPv6 address; undefined if it is none. */
export function bytesOfIpv6(text: string): Uint8Array | undefined {
  const groups = groupsOfIpv6(text);
  return groups && Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}

/** Text for the four bytes of an IPv4 address, or the sixteen of IPv6 in its shortest form (RFC 5952 §4). */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: GROUPS }, (_, i) =>
    (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
  );
  // The longest run of zeroes, of two at least, and the first of such.
  let start = 0;
  let most = 1;
  for (let i = 0, run = 0; i < GROUPS; i++) {
    run = groups[i] === "0" ? run + 1 : 0;
    if (run > most) {
      most = run;
      start = i + 1 - run;
    }
  }
  if (most === 1) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + most).join(":")}`;
}

/** Groups of 16 bits; the last of an address may be two in IPv4's notation. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const bytes = last && index === parts.length - 1 ? bytesOfIpv4(part) : undefined;
      if (bytes === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      groups.push((a << 8) | b, (c << 8) | d);
    }
  }
  return groups;
}
