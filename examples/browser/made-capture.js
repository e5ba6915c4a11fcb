// A capture made on the spot, always the same: three overlays and one in another, between them packets that no
// tunnel carries and some that are damaged.

import { captureEncoder } from "./frameferry/pcap.js";
import { compose } from "./frameferry/wire.js";

const SIZES = [46, 46, 46, 46, 220, 530, 530, 1400];
const FLOWS = 64;
const MICROSECOND = 1000n;
const START = 1767225600n * 1000000000n;

/** Resolves with about `bytes` bytes of pcap, as a Blob. */
export async function makeCapture(bytes) {
  const packets = makePackets();
  const encoder = captureEncoder({ format: "pcap", snapLength: 262144 });
  const records = encoder.writable.getWriter();
  const parts = [];
  const reading = encoder.readable.pipeTo(
    new WritableStream({ write: (chunk) => void parts.push(new Blob([chunk])) }),
  );
  let written = 0;
  for (let count = 0; written < bytes; ) {
    const burst = [];
    for (let i = 0; i < 4096 && written < bytes; i++, count++) {
      const data = packets[count % packets.length];
      burst.push({ data, timestamp: START + BigInt(count) * MICROSECOND });
      written += data.length + 16;
    }
    await records.write(burst);
  }
  await records.close();
  await reading;
  return new Blob(parts, { type: "application/vnd.tcpdump.pcap" });
}

function makePackets() {
  const packets = [];
  for (const [turn, size] of SIZES.entries()) {
    for (let flow = 0; flow < FLOWS; flow++) packets.push(makePacket(flow, turn, size));
  }
  return packets;
}

function makePacket(flow, turn, size) {
  const passenger = [
    { name: "ethernet", source: `02:0a:00:00:00:${hex(flow)}`, destination: `02:0a:00:00:01:${hex(flow)}` },
    { name: "ipv4", source: `192.168.0.${flow + 1}`, destination: `192.168.1.${flow + 1}`, ttl: 64 },
    { name: "udp", sourcePort: 40000 + flow, destinationPort: 53 },
  ];
  const payload = new Uint8Array(size).map((_, index) => index * 7 + flow);
  if (flow % 16 === 15) return compose(passenger, payload);
  if (flow % 8 === 6) return compose([...tunnel(5001, flow), ...tunnel(1, flow), ...passenger], payload);
  const packet = compose([...tunnel([5001, 5001, 5002, 7700][flow % 4], flow), ...passenger], payload);
  // One that a bit error has hit, and one without the I flag.
  if (flow === 8 && turn === 0) packet[24] ^= 0x40;
  if (flow === 9 && turn === 0) packet[42] = 0;
  return packet;
}

function tunnel(vni, flow) {
  return [
    { name: "ethernet", source: "02:00:0a:01:05:07", destination: "02:00:0a:01:05:08" },
    { name: "ipv4", source: `10.1.5.${7 + (flow % 3)}`, destination: "10.1.5.20", ttl: 64 },
    { name: "udp", checksum: 0 },
    { name: "vxlan", vni },
  ];
}

function hex(number) {
  return number.toString(16).padStart(2, "0");
}
