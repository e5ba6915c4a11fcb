// What the header of a pcap comes to: how kernels read its records, and what the output begins with.

import {
  FORMAT_BIG_ENDIAN,
  FORMAT_LENGTHS_DOUBTFUL,
  FORMAT_LENGTHS_SWAPPED,
  FORMAT_NANOSECONDS,
  FORMAT_PCAPNG,
  FORMAT_TRAILERS,
} from "../layout/cursor.layout.ts";
import { CAPTURED_MAXIMUM, LINK_TYPE_ETHERNET, PCAP_VERSION_MINOR } from "../layout/pcap.layout.ts";
import type { CaptureFormat } from "../pcap/capture-types.ts";
import { emitPcapHeader, type LengthOrder, type PcapHeader } from "../pcap/pcap-format.ts";
import { emitInterfaceBlock, emitSectionBlock, type InterfaceBlock } from "../pcap/pcapng-format.ts";
import {
  declaresTrailers,
  numbersInPcap,
  type OutputInterfaces,
  type OutputNumbers,
} from "./output-interfaces.ts";

/** What is known when the header has been read. */
export interface PcapOpening {
  /** Formats, for kernels. */
  readonly input: number;
  readonly output: number;
  /** Its one interface, and by which of the output its frames leave. */
  readonly description: InterfaceBlock;
  readonly numbers: OutputNumbers;
  /** What the output begins with. */
  readonly bytes: Uint8Array;
}

const NANOSECONDS = { base: 10, exponent: 9 } as const;

const LENGTH_FORMATS: Readonly<Record<LengthOrder, number>> = {
  straight: 0,
  swapped: FORMAT_LENGTHS_SWAPPED,
  doubtful: FORMAT_LENGTHS_DOUBTFUL,
};

/** `header` with the snap length that the output is to have. */
export function openPcap(header: PcapHeader, outputs: OutputInterfaces, format: CaptureFormat): PcapOpening {
  const { bigEndian, nanoseconds, linkType, snapLength, fcsLength } = header;
  const alike = (bigEndian ? FORMAT_BIG_ENDIAN : 0) | (nanoseconds ? FORMAT_NANOSECONDS : 0);
  const input = alike | LENGTH_FORMATS[header.lengths];
  const description = { ...PLAIN_INTERFACE, linkType, snapLength, fcsLength };
  if (format === "pcapng") {
    const { numbers, written } = outputs.place(description);
    const blocks = written.map((block) =>
      emitInterfaceBlock(block === "itself" ? description : block, false),
    );
    const bytes = joined([emitSectionBlock({ bigEndian: false, minor: 0, options: [] }), ...blocks]);
    return { input, output: FORMAT_PCAPNG | FORMAT_TRAILERS, description, numbers, bytes };
  }
  const kind = outputs.pcapKind(description);
  const declared = kind.trailers || !declaresTrailers(description) ? fcsLength : undefined;
  return {
    input,
    output: alike | (kind.trailers ? FORMAT_TRAILERS : 0),
    description,
    numbers: numbersInPcap(kind.linkType, description),
    bytes: emitPcapHeader({ ...header, linkType: kind.linkType, fcsLength: declared }),
  };
}

/** The header of a pcap made of a pcapng: nanoseconds, and no check sequences declared, since interfaces differ in them. */
export function plainPcapHeader(linkType: number): Uint8Array {
  return emitPcapHeader({
    bigEndian: false,
    nanoseconds: true,
    minor: PCAP_VERSION_MINOR,
    lengths: "straight",
    reserved: [0, 0, 0],
    snapLength: CAPTURED_MAXIMUM,
    linkType,
    fcsLength: undefined,
  });
}

/** Of a capture that describes none. */
export const PLAIN_INTERFACE: InterfaceBlock = {
  linkType: LINK_TYPE_ETHERNET,
  snapLength: 0,
  resolution: NANOSECONDS,
  offsetSeconds: 0n,
  fcsLength: undefined,
  options: [],
};

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
