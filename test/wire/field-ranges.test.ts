// What no header can hold is refused when it is written, and the field is named.

import {
  emitArp,
  emitEthernet,
  emitGeneve,
  emitGre,
  emitIpv4,
  emitIpv6,
  emitUdp,
  emitVlan,
  emitVxlan,
} from "frameferry/wire";
import { describe, expect, test } from "vitest";

describe("values that do not fit their field", () => {
  const into = new Uint8Array(300);
  const macs = { destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" };
  const ips = { source: "10.0.0.1", destination: "10.0.0.2" };
  test.each<[string, () => unknown]>([
    ["etherType", () => emitEthernet({ ...macs, etherType: 0x10000 }, into)],
    ["vid", () => emitVlan({ vid: 4096, etherType: 0x800 }, into)],
    ["pcp", () => emitVlan({ vid: 1, pcp: 8, etherType: 0x800 }, into)],
    ["ttl", () => emitIpv4({ ...ips, totalLength: 20, protocol: 17, ttl: 256 }, into)],
    ["totalLength", () => emitIpv4({ ...ips, totalLength: 65536, protocol: 17 }, into)],
    ["fragmentOffset", () => emitIpv4({ ...ips, totalLength: 20, protocol: 17, fragmentOffset: 7 }, into)],
    ["options", () => emitIpv4({ ...ips, totalLength: 20, protocol: 17, options: new Uint8Array(41) }, into)],
    ["source", () => emitIpv4({ ...ips, source: "::1", totalLength: 20, protocol: 17 }, into)],
    [
      "destination",
      () => emitIpv6({ source: "::1", destination: "1.2.3.4", payloadLength: 0, protocol: 17 }, into),
    ],
    [
      "flowLabel",
      () =>
        emitIpv6(
          { source: "::1", destination: "::2", payloadLength: 0, protocol: 17, flowLabel: 2 ** 20 },
          into,
        ),
    ],
    [
      "extensions\\[0\\].bytes",
      () =>
        emitIpv6(
          {
            source: "::1",
            destination: "::2",
            payloadLength: 0,
            protocol: 17,
            extensions: [{ type: 0, bytes: new Uint8Array(9) }],
          },
          into,
        ),
    ],
    [
      "extensions\\[0\\].type",
      () =>
        emitIpv6(
          {
            source: "::1",
            destination: "::2",
            payloadLength: 0,
            protocol: 17,
            extensions: [{ type: 1, bytes: new Uint8Array(8) }],
          },
          into,
        ),
    ],
    ["length", () => emitUdp({ sourcePort: 1, destinationPort: 2, length: -1 }, into)],
    ["vni", () => emitVxlan({ vni: 2 ** 24 }, into)],
    [
      "groupPolicy",
      () =>
        emitVxlan(
          {
            vni: 1,
            groupPolicy: { group: 1, dontLearn: false, applied: false },
            gpe: { nextProtocol: 3, bum: false, oam: false },
          },
          into,
        ),
    ],
    ["vni", () => emitGeneve({ vni: -1 }, into)],
    [
      "options\\[1\\].data",
      () =>
        emitGeneve(
          {
            vni: 1,
            options: [
              { class: 1, type: 1, data: new Uint8Array(4) },
              { class: 1, type: 1, data: new Uint8Array(5) },
            ],
          },
          into,
        ),
    ],
    ["key", () => emitGre({ key: 2 ** 32 }, into)],
    [
      "targetMac.length",
      () =>
        emitArp(
          {
            operation: 1,
            senderMac: macs.source,
            senderIp: ips.source,
            targetMac: new Uint8Array(5),
            targetIp: ips.source,
          },
          into,
        ),
    ],
  ])("%s", (name, run) => {
    expect(run).toThrow(RangeError);
    expect(run).toThrow(new RegExp(`^${name}: `));
  });
});
