// IPv6 addresses in text. The package's other addresses are read by ipaddr.js, which would be half of this entry's weight.

/** The four words of 32 bits that `text` stands for; undefined if it is no IPv6 address. */
export function parseIpv6(text: string): readonly number[] | undefined {
  const gap = text.indexOf("::");
  if (gap >= 0 && text.includes("::", gap + 1)) return undefined;
  const before = groupsOf(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const behind = gap < 0 ? [] : groupsOf(text.slice(gap + 2), true);
  if (before === undefined || behind === undefined) return undefined;
  const missing = 8 - before.length - behind.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...new Array<number>(missing).fill(0), ...behind];
  return [0, 2, 4, 6].map((i) => (groups[i] as number) * 0x10000 + (groups[i + 1] as number));
}

/** Groups of 16 bits; the last of an address may be two in IPv4's notation. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else if (last && index === parts.length - 1 && /^\d{1,3}(\.\d{1,3}){3}$/.test(part)) {
      const bytes = part.split(".").map(Number);
      if (bytes.some((byte) => byte > 255)) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      groups.push(a * 256 + b, c * 256 + d);
    } else return undefined;
  }
  return groups;
}
