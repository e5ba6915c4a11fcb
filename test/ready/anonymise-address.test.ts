// What becomes of addresses: as a slow model says, with as many bits in common as before, and the same in every run.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { type AnonymiseOptions, anonymise } from "frameferry/stages";
import { beforeAll, describe, expect, test } from "vitest";
import { anonymousIp, anonymousMac, bitsOf, sipHash } from "../support/anonymise-model.ts";
import { Random } from "../support/filter-expressions.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);
const SEED = 15;

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
});

interface Asked {
  readonly mac: Uint8Array;
  readonly ipv4: Uint8Array;
  readonly ipv6: Uint8Array;
}

/** What each becomes: of an ARP frame the addresses of its sender, of an IPv6 packet the source. */
function changed(asked: readonly Asked[], options: Partial<AnonymiseOptions> = {}): Asked[] {
  using batch = closing(new FrameBatch(kernels, { frames: 512, frameBytes: 64 }));
  using pipeline = new Pipeline(kernels, [anonymise({ key: KEY, ...options })]);
  const results: Asked[] = [];
  for (let from = 0; from < asked.length; from += 256) {
    const part = asked.slice(from, from + 256);
    batch.batch.fill(part.flatMap((one) => [arp(one), packet(one)]));
    pipeline.run(batch.batch);
    part.forEach((_, i) => {
      const [frame, other] = [batch.batch.frame(2 * i), batch.batch.frame(2 * i + 1)];
      // In the header it becomes the same as in the message.
      expect(frame.slice(6, 12)).toEqual(frame.slice(22, 28));
      results.push({ mac: frame.slice(22, 28), ipv4: frame.slice(28, 32), ipv6: other.slice(22, 38) });
    });
  }
  return results;
}

function closing(batch: FrameBatch): { readonly batch: FrameBatch; [Symbol.dispose](): void } {
  return { batch, [Symbol.dispose]: () => batch.close() };
}

function arp({ mac, ipv4 }: Asked): Uint8Array {
  const to = [255, 255, 255, 255, 255, 255];
  const nobody = new Array<number>(6).fill(0);
  return Uint8Array.from([...to, ...mac, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, ...mac, ...ipv4, ...nobody, ...ipv4]);
}

function packet({ mac, ipv6 }: Asked): Uint8Array {
  return Uint8Array.from([...mac, ...mac, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 59, 64, ...ipv6, ...ipv6]);
}

/** Addresses of all kinds, near ones among them: each shares bits with one before it. */
function addresses(count: number): Asked[] {
  const random = new Random(SEED);
  const some = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.next(256));
  const near = (before: Uint8Array | undefined, length: number): Uint8Array => {
    const one = some(length);
    if (before === undefined || random.next(3) === 0) return one;
    const common = random.next(length * 8 + 1);
    return one.map((byte, i) => {
      const mask = common >= (i + 1) * 8 ? 255 : common <= i * 8 ? 0 : (0xff00 >> (common - i * 8)) & 255;
      return (before[i]! & mask) | (byte & ~mask);
    });
  };
  const special4 = [
    [0, 0, 0, 0],
    [127, 0, 0, 1],
    [224, 0, 0, 251],
    [239, 1, 2, 3],
    [255, 255, 255, 255],
    [255, 255, 255, 254],
  ];
  const special6 = ["fe80", "ff02", "ff0e", "ff3e", "0000", "ff02000000000000000001ff"].map((hex) =>
    Array.from(hex.match(/../g)!, (two) => Number.parseInt(two, 16)),
  );
  const all: Asked[] = [];
  for (let i = 0; i < count; i++) {
    const before = all[random.next(Math.max(1, all.length))];
    const mac = some(6).map((byte, at) => (at === 0 ? byte & 0xfe : byte));
    let [ipv4, ipv6] = [near(before?.ipv4, 4), near(before?.ipv6, 16)];
    if (i % 7 === 0) ipv4 = Uint8Array.from(special4[random.next(special4.length)]!);
    if (i % 7 === 1)
      ipv6 = Uint8Array.from([...special6[random.next(special6.length)]!, ...ipv6].slice(0, 16));
    all.push({ mac, ipv4, ipv6 });
  }
  return all;
}

function common(a: Uint8Array, b: Uint8Array): number {
  const [one, other] = [bitsOf(a), bitsOf(b)];
  let bits = 0;
  while (bits < one.length && one[bits] === other[bits]) bits++;
  return bits;
}

test("the model's hash is SipHash-2-4: the vector of its paper", () => {
  expect(
    sipHash(
      KEY,
      Uint8Array.from({ length: 15 }, (_, i) => i),
    ),
  ).toBe(0xa129ca6149be45e5n);
});

describe("addresses", () => {
  const asked = addresses(700);

  test("become what the model says", () => {
    const results = changed(asked);
    asked.forEach(({ mac, ipv4, ipv6 }, i) => {
      expect(results[i]!.ipv4, String(ipv4)).toEqual(anonymousIp(KEY, ipv4));
      expect(results[i]!.ipv6, String(ipv6)).toEqual(anonymousIp(KEY, ipv6));
      expect(results[i]!.mac, String(mac)).toEqual(anonymousMac(KEY, mac, false));
    });
    // They are changed: all but those that always stay.
    expect(asked.filter(({ ipv4 }, i) => bitsOf(ipv4) === bitsOf(results[i]!.ipv4)).length).toBeLessThan(
      asked.length / 4,
    );
  });

  test("have as many bits in common afterwards as before", () => {
    const results = changed(asked);
    for (let i = 0; i < asked.length; i++)
      for (let j = 0; j < i; j += 7 + (i % 5)) {
        expect(common(results[i]!.ipv4, results[j]!.ipv4)).toBe(common(asked[i]!.ipv4, asked[j]!.ipv4));
        expect(common(results[i]!.ipv6, results[j]!.ipv6)).toBe(common(asked[i]!.ipv6, asked[j]!.ipv6));
      }
  });

  test("become the same again, in whatever order, and others with another key", () => {
    const results = changed(asked);
    expect(changed([...asked].reverse()).reverse()).toEqual(results);
    expect(changed(asked, { key: "000102030405060708090A0B0C0D0E0F" })).toEqual(results);
    const others = changed(asked, { key: new Uint8Array(16) });
    expect(others.filter(({ ipv6 }, i) => bitsOf(ipv6) === bitsOf(results[i]!.ipv6)).length).toBeLessThan(
      150,
    );
  });

  test("keep the vendor of a MAC, or all of it, or the bits of a prefix", () => {
    changed(asked, { macs: "keep-vendor" }).forEach(({ mac }, i) => {
      expect(mac).toEqual(anonymousMac(KEY, asked[i]!.mac, true));
      if ((asked[i]!.mac[0]! & 2) === 0) expect(mac.slice(0, 3)).toEqual(asked[i]!.mac.slice(0, 3));
    });
    changed(asked, { macs: "keep" }).forEach(({ mac }, i) => void expect(mac).toEqual(asked[i]!.mac));
    const private10 = asked.map((one) => ({ ...one, ipv4: Uint8Array.of(10, ...one.ipv4.slice(1)) }));
    const keep = ["10.0.0.0/8", "2001:db8::/32"];
    const results = changed(private10, { keep });
    expect(results.every(({ ipv4 }) => ipv4[0] === 10)).toBe(true);
    expect(results.some(({ ipv4 }, i) => ipv4[1] !== private10[i]!.ipv4[1])).toBe(true);
  });
});

test.each([
  [{}, "key: missing; expected 16 bytes or 32 hexadecimal digits"],
  [{ key: "00" }, "key: expected 32 hexadecimal digits, got 2 characters"],
  [{ key: new Uint8Array(15) }, "key: expected 16 bytes, got 15"],
  [{ key: KEY, macs: "some" }, 'macs: expected change, keep-vendor or keep, got "some"'],
  [{ key: KEY, keep: ["10.0.0.0"] }, 'keep[0]: expected a prefix such as 10.0.0.0/8, got "10.0.0.0"'],
  [{ key: KEY, keep: ["10.0.0.0/33"] }, 'keep[0]: expected a prefix such as 10.0.0.0/8, got "10.0.0.0/33"'],
  [{ key: KEY, keys: 1 }, "anonymise: unknown option"],
])("%j is refused", (options, sentence) => {
  expect(() => anonymise(options as AnonymiseOptions)).toThrow(sentence);
});
