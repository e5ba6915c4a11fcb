// Rings that have been closed: their memory may be someone else's.

import { ByteRing, DescriptorRing } from "frameferry";
import { expect, test } from "vitest";
import { kernels } from "./support.ts";

const kinds = [
  ["descriptors", DescriptorRing],
  ["bytes", ByteRing],
] as const;

test.each(kinds)("a ring of %s is closed once only", async (_, Ring) => {
  const on = await kernels();
  const free = on.plan.freeBytes;
  const ring = Ring.create(on);
  ring.close();
  const other = Ring.create(on);
  expect(other.address).toBe(ring.address);
  const less = on.plan.freeBytes;
  ring.close();
  expect(on.plan.freeBytes).toBe(less);
  expect(Ring.open(on, other.address).address).toBe(other.address);
  other.close();
  expect(on.plan.freeBytes).toBe(free);
});

test.each(kinds)("a closed ring of %s touches nothing", async (_, Ring) => {
  const on = await kernels();
  const ring = Ring.create(on);
  const { address } = ring;
  ring.close();
  const region = on.plan.reserve("what comes next", 1024);
  expect(region).toBe(address);
  on.bytes.fill(0xa5, region, region + 1024);
  const closed = /^ring: it has been closed$/;
  expect(() => ring.push([])).toThrow(closed);
  expect(() => ring.pop(1)).toThrow(closed);
  expect(() => ring.wait(0)).toThrow(closed);
  expect(() => ring.waitForRoom(0)).toThrow(closed);
  expect(() => ring.producerDied(1)).toThrow(closed);
  await expect(ring.waitAsync()).rejects.toThrow(closed);
  await expect(ring.waitForRoomAsync()).rejects.toThrow(closed);
  expect(on.bytes.slice(region, region + 1024).every((byte) => byte === 0xa5)).toBe(true);
  on.plan.release(region);
});
