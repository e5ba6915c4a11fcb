// The plan of the one memory: regions apart, aligned, zeroed, and back in one piece when all is released.
import fc from "fast-check";
import { loadKernels, MemoryPlan } from "frameferry";
import { describe, expect, it } from "vitest";

const PAGE = 65536;

describe("the memory plan", () => {
  it("keeps regions apart, aligned and zeroed, and merges what is released", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant("reserve" as const), length: fc.nat(9000) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), which: fc.nat(50) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const memory = new WebAssembly.Memory({ initial: 3, maximum: 3, shared: true });
        const bytes = new Uint8Array(memory.buffer);
        const plan = new MemoryPlan(memory);
        const all = plan.freeBytes;
        const held = new Map<number, number>();
        for (const one of steps) {
          if (one.do === "reserve") {
            let address: number;
            try {
              address = plan.reserve("a test", one.length);
            } catch (error) {
              expect(error).toBeInstanceOf(RangeError);
              expect(String(error)).toContain("memoryBytes: a test needs");
              continue;
            }
            expect(address % 64).toBe(0);
            expect(address).toBeGreaterThanOrEqual(4096);
            expect(address + one.length + 64).toBeLessThanOrEqual(bytes.length);
            const region = bytes.subarray(address, address + one.length);
            if (region.some((byte) => byte !== 0)) expect("region").toBe("zeroed");
            for (const [other, length] of held)
              if (address < other + length + 64 && other < address + one.length + 64)
                expect(`${address} + ${one.length}`).toBe(`apart from ${other} + ${length}`);
            held.set(address, one.length);
            region.fill(0xa5);
          } else {
            const address = [...held.keys()][one.which];
            if (address === undefined) continue;
            plan.release(address);
            held.delete(address);
          }
        }
        const size = [...held.values()].reduce((sum, length) => sum + Math.ceil((length + 64) / 64) * 64, 0);
        expect(plan.freeBytes).toBe(all - size);
        for (const address of held.keys()) plan.release(address);
        expect(plan.freeBytes).toBe(all);
        // In one piece again.
        plan.release(plan.reserve("everything", all - 64));
        expect(plan.freeBytes).toBe(all);
      }),
      { seed: 1301, numRuns: 200 },
    );
  });

  it("refuses lengths that cannot be, and says by how much memory falls short", async () => {
    const { plan, memory } = await loadKernels({ memoryBytes: 2 * PAGE });
    const free = plan.freeBytes;
    for (const length of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => plan.reserve("it", length)).toThrow(/^length: expected a whole number/);
    expect(() => plan.reserve("it", "64" as unknown as number)).toThrow(TypeError);
    expect(() => plan.reserve("it", memory.buffer.byteLength)).toThrow(
      `memoryBytes: it needs ${2 * PAGE + 64} bytes, and of ${2 * PAGE} no such stretch is free`,
    );
    expect(plan.freeBytes).toBe(free);
  });

  it("ignores the release of what is not held", async () => {
    const { plan } = await loadKernels({ memoryBytes: 2 * PAGE });
    const address = plan.reserve("it", 100);
    const free = plan.freeBytes;
    for (const other of [0, 4096 + 64, address + 1, -1, Number.NaN]) plan.release(other);
    expect(plan.freeBytes).toBe(free);
    plan.release(address);
    plan.release(address);
    expect(plan.freeBytes).toBe(free + 192);
  });

  // Of ten steps so many release something: as many as reserve, or so few that memory is full of small holes.
  it.each([5, 4])(
    "takes the lowest stretch that fits, whatever was reserved and released before (%i)",
    (odds) => {
      const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true });
      const plan = new MemoryPlan(memory);
      const end = memory.buffer.byteLength;
      const held = new Map<number, number>();
      const lowest = (size: number): number => {
        let at = 4096;
        for (const [address, taken] of [...held].sort(([a], [b]) => a - b)) {
          if (address - at >= size) return at;
          at = address + taken;
        }
        return end - at >= size ? at : -1;
      };
      let state = 7;
      const random = (below: number): number => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return (state >>> 8) % below;
      };
      for (let i = 0; i < 6000; i++) {
        if (held.size > 0 && random(10) < odds) {
          const address = [...held.keys()][random(held.size)] as number;
          plan.release(address);
          held.delete(address);
          continue;
        }
        const length = random(random(3) === 0 ? 60_000 : 2_000);
        const size = Math.ceil((length + 64) / 64) * 64;
        const expected = lowest(size);
        if (expected < 0) {
          expect(() => plan.reserve("a test", length)).toThrow(RangeError);
          continue;
        }
        expect(plan.reserve("a test", length)).toBe(expected);
        held.set(expected, size);
      }
    },
  );
});
