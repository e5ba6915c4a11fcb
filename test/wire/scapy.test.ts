import { type ComposeLayer, compose, dissect, vlansOf, vnisOf } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { fixtures, recompose, toHex } from "./support.ts";

const SAME: Record<string, string> = {
  Ether: "ethernet",
  Dot3: "ethernet",
  Dot1Q: "vlan",
  Dot1AD: "vlan",
  LLC: "llc",
  ARP: "arp",
  IP: "ipv4",
  IPv6: "ipv6",
  UDP: "udp",
  TCP: "tcp",
  ICMP: "icmp",
  ICMPv6EchoRequest: "icmpv6",
  VXLAN: "vxlan",
  GENEVE: "geneve",
  GRE: "gre",
};

describe.each(fixtures)("scapy's frame $name", ({ name, frame, layers, vnis, vids }) => {
  const dissection = dissect(frame, { checksums: true });

  test("has scapy's layers, VNIs and VIDs, and no stop", () => {
    expect(dissection.stop).toBeUndefined();
    const expected = layers.flatMap((layer) => SAME[layer] ?? []);
    expect(dissection.layers.flatMap((layer) => (layer.name === "payload" ? [] : layer.name))).toEqual(
      expected,
    );
    const nvgre = name === "nvgre";
    expect(vnisOf(dissection.layers, { nvgre })).toEqual(nvgre ? [5000] : vnis);
    expect(vlansOf(dissection.layers)).toEqual(vids);
  });

  test("has good checksums", () => {
    for (const layer of dissection.layers) {
      if (layer.name === "ipv4") expect(layer.checksum).toBe("good");
      if (layer.name === "udp") expect(layer.checksum).toBe(layer.header.checksum === 0 ? "absent" : "good");
      if (layer.name === "gre")
        expect(layer.checksum).toBe(layer.header.checksum === undefined ? "absent" : "good");
    }
  });

  test("comes back byte for byte from its headers", () => {
    expect(toHex(compose(...recompose(frame, dissection.layers)))).toBe(toHex(frame));
  });

  test("comes back byte for byte with lengths, types and checksums filled in anew", () => {
    const [headers, payload] = recompose(frame, dissection.layers);
    const bare = headers.map((header): ComposeLayer => {
      const { etherType, totalLength, payloadLength, length, ...rest } = header as unknown as Record<
        string,
        unknown
      >;
      delete rest.protocol;
      if (header.name === "gre") rest.checksum = header.checksum !== undefined;
      else if (header.name !== "udp" || header.checksum !== 0) delete rest.checksum;
      return rest as unknown as ComposeLayer;
    });
    expect(toHex(compose(bare, payload))).toBe(toHex(frame));
  });
});
