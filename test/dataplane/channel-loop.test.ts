// The loop of README.md over channels, a hundred times on one dataplane: what a channel holds is given back.
import { createDataplane } from "frameferry";
import { expect, test } from "vitest";
import { isolated } from "./support.ts";

const transports = isolated ? (["shared", "transfer"] as const) : (["transfer"] as const);

test.each(transports)(
  "the example's channel, opened, read to its end and closed 100 times: %s",
  async (transport) => {
    const dataplane = await createDataplane({ workers: 1, transport });
    try {
      const free = dataplane.freeBytes;
      for (let round = 0; round < 100; round++) {
        const channel = await dataplane.open([{ stage: "decapsulate", kind: "vxlan", header: "bare" }]);
        await channel.sendAll([Uint8Array.of(8, 0, 0, 0, 0, 0, 42, 0, ...new Uint8Array(60))]);
        channel.end();
        const seen: (number | undefined)[][] = [];
        for await (const burst of channel) seen.push([burst.length, burst.vni(0), burst.frame(0).length]);
        expect(seen).toEqual([[1, 42, 60]]);
        expect(channel.counters()).toMatchObject({ received: 1, forwarded: 1 });
        await channel.close();
      }
      expect(dataplane.freeBytes).toBe(free);
    } finally {
      await dataplane.close();
    }
  },
);
