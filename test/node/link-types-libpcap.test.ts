// The names of link types against those of libpcap, whose numbers are the same from 104 on, and mostly below.
import { spawnSync } from "node:child_process";
import { linkTypeName } from "frameferry/pcap";
import { expect, test } from "vitest";

const ASK = `
import ctypes, json
libpcap = ctypes.CDLL("libpcap.so.0.8")
libpcap.pcap_datalink_val_to_name.restype = ctypes.c_char_p
names = {number: libpcap.pcap_datalink_val_to_name(number) for number in range(300)}
print(json.dumps({number: name.decode() for number, name in names.items() if name}))
`;
const { status, stdout } = spawnSync("/usr/bin/python3", ["-c", ASK], { encoding: "utf8" });

/** Where tcpdump.org calls the number in captures otherwise than the library does its own. */
const OTHERWISE: Readonly<Record<string, string>> = {
  EN10MB: "ETHERNET",
  IEEE802: "IEEE802_5",
  ARCNET: "ARCNET_BSD",
  PPP_SERIAL: "PPP_HDLC",
  PRISM_HEADER: "IEEE802_11_PRISM",
  IEEE802_11_RADIO: "IEEE802_11_RADIOTAP",
  IEEE802_11_RADIO_AVS: "IEEE802_11_AVS",
  IEEE802_15_4: "IEEE802_15_4_WITHFCS",
};

test.skipIf(status !== 0)("what has a name here has it there", () => {
  const names: Record<string, string> = JSON.parse(stdout);
  const both = Object.entries(names).filter(([number]) => linkTypeName(Number(number)) !== undefined);
  expect(both.length).toBeGreaterThan(50);
  expect(both.map(([number]) => [number, linkTypeName(Number(number))])).toEqual(
    both.map(([number, name]) => [number, OTHERWISE[name] ?? name]),
  );
});
