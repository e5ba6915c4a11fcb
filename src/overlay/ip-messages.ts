// What both versions of IP carry: echo messages and UDP datagrams.

import { formatIp } from "../core/addresses.ts";
import { ICMP_BODY, ICMP_REST } from "../layout/icmp.layout.ts";
import { UDP_CHECKSUM, UDP_LENGTH } from "../layout/udp.layout.ts";
import { read16, write16 } from "../wire/bytes.ts";
import { emitIcmp } from "../wire/icmp.ts";
import { emitUdp, parseUdp, udpChecksum, udpChecksumStatus } from "../wire/udp.ts";
import type { Station } from "./station.ts";

/** An echo request, without a checksum yet; its data count up. */
export function echoRequest(type: number, identifier: number, sequence: number, size: number): Uint8Array {
  const message = new Uint8Array(ICMP_BODY + size);
  emitIcmp({ type }, message);
  write16(message, ICMP_REST, identifier);
  write16(message, ICMP_REST + 2, sequence);
  for (let i = 0; i < size; i++) message[ICMP_BODY + i] = i;
  return message;
}

/** Identifier and sequence number of an echo message; undefined if it is too short or does not have our data. */
export function echoOf(
  message: Uint8Array,
): { identifier: number; sequence: number; intact: boolean } | undefined {
  if (message.length < ICMP_BODY) return undefined;
  let intact = true;
  for (let i = ICMP_BODY; intact && i < message.length; i++) intact = message[i] === ((i - ICMP_BODY) & 0xff);
  return { identifier: read16(message, ICMP_REST), sequence: read16(message, ICMP_REST + 2), intact };
}

export function udpDatagram(
  ports: { readonly source: number; readonly destination: number },
  payload: Uint8Array,
  addresses: { readonly source: Uint8Array; readonly destination: Uint8Array },
): Uint8Array {
  const datagram = new Uint8Array(UDP_LENGTH + payload.length);
  emitUdp(
    { sourcePort: ports.source, destinationPort: ports.destination, length: datagram.length },
    datagram,
  );
  datagram.set(payload, UDP_LENGTH);
  const sum = udpChecksum(datagram, 0, datagram.length, addresses.source, addresses.destination);
  write16(datagram, UDP_CHECKSUM, sum);
  return datagram;
}

export function takeUdp(
  station: Station,
  datagram: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array,
): void {
  const udp = parseUdp(datagram);
  if (!udp.ok || udpChecksumStatus(datagram, 0, udp.end, source, destination) === "bad") {
    station.malformed();
    return;
  }
  const { sourcePort, destinationPort } = udp.header;
  station.deliver({
    timeMs: station.clock.nowUs / 1000,
    from: source.length === 4 ? source.join(".") : formatIp(source),
    sourcePort,
    destinationPort,
    payload: datagram.subarray(udp.payload, udp.end),
  });
}
