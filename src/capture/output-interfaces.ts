// By which interface of the output the frames of each interface leave.
//
// What is as it was leaves by the interface it came by: with its link type, and with its check sequence declared. What
// stages have changed is an Ethernet frame or an IP packet without a check sequence, and an interface that says something
// else gets a twin for it. Which of them there will be follows from the stages, so that none is written that
// nothing can leave by: programs that read one link type only are spared the others.
//
// A pcap is of one link type, and declares a check sequence for all its frames or for none. It takes its type from what
// stages make, if they make anything; frames of another type are dropped, and counted. It declares a check sequence
// only where every frame is as it was: else those that had one leave without it, and are counted too.

import { linkOf } from "../core/link-types.ts";
import { INTERFACE_NONE } from "../layout/capture.layout.ts";
import { LINK_ETHERNET, LINK_IP } from "../layout/link.layout.ts";
import { LINK_TYPE_ETHERNET, LINK_TYPE_RAW } from "../layout/pcap.layout.ts";
import { OPTION_INTERFACE_FCS_LENGTH } from "../layout/pcapng.layout.ts";
import type { InterfaceBlock } from "../pcap/pcapng-format.ts";
import { type FrameChange, type FrameOutcomes, frameOutcomes } from "../pipeline/frame-change.ts";

/** What is told of an interface: by which number its frames leave; INTERFACE_NONE if they do not. */
export interface OutputNumbers {
  /** Those that are as they were. */
  readonly unchanged: number;
  /** What has become an Ethernet frame. */
  readonly ethernet: number;
  /** What has become an IP packet. */
  readonly raw: number;
}

/** An interface of the input in a pcapng. */
export interface Placed {
  readonly numbers: OutputNumbers;
  /** What is written for it, in this order: the interface as it is, or a twin. */
  readonly written: readonly ("itself" | InterfaceBlock)[];
}

/** What the header of a pcap says. */
export interface PcapKind {
  readonly linkType: number;
  /** Whether it declares the check sequences that the input does. */
  readonly trailers: boolean;
}

export class OutputInterfaces {
  readonly #changes: readonly (FrameChange | undefined)[];
  #count = 0;

  constructor(changes: readonly (FrameChange | undefined)[]) {
    this.#changes = changes;
  }

  /** A new section starts to count from zero. */
  clear(): void {
    this.#count = 0;
  }

  /** Finds the place of an interface in the section of a pcapng. */
  place(description: InterfaceBlock): Placed {
    const outcomes = this.#outcomes(description);
    const link = linkOf(description.linkType);
    const plain = !declaresTrailers(description);
    const isEthernet = plain && link === LINK_ETHERNET;
    const isRaw = plain && link === LINK_IP;
    const written: ("itself" | InterfaceBlock)[] = [];
    const write = (block: "itself" | InterfaceBlock): number => {
      written.push(block);
      return this.#count++;
    };
    const twin = (linkType: number): number =>
      write({ ...description, ...withoutTrailers(description), linkType });
    const { ethernet, raw } = outcomes;
    // Statistics of an interface by which nothing leaves still speak of it.
    const itself = outcomes.unchanged || (ethernet && isEthernet) || (raw && isRaw) || !(ethernet || raw);
    const unchanged = itself ? write("itself") : INTERFACE_NONE;
    const numbers = {
      unchanged,
      ethernet: isEthernet ? unchanged : ethernet ? twin(LINK_TYPE_ETHERNET) : INTERFACE_NONE,
      raw: isRaw ? unchanged : raw ? twin(LINK_TYPE_RAW) : INTERFACE_NONE,
    };
    return { numbers, written };
  }

  /** What a pcap made of a capture with this interface, its only or its first, is. */
  pcapKind(description: InterfaceBlock): PcapKind {
    const { linkType } = description;
    const { ethernet, raw } = this.#outcomes(description);
    const link = linkOf(linkType);
    const made = ethernet ? LINK_TYPE_ETHERNET : raw && link !== LINK_IP ? LINK_TYPE_RAW : linkType;
    return { linkType: made, trailers: !(ethernet || raw) };
  }

  #outcomes({ linkType }: InterfaceBlock): FrameOutcomes {
    return frameOutcomes(this.#changes, linkOf(linkType) === LINK_ETHERNET);
  }
}

/** The numbers of an interface in a pcap of `linkType`: there is one, and it is for frames of that type. */
export function numbersInPcap(linkType: number, description: InterfaceBlock): OutputNumbers {
  const link = linkOf(linkType);
  const only = (fits: boolean): number => (fits ? 0 : INTERFACE_NONE);
  return {
    unchanged: only(description.linkType === linkType),
    ethernet: only(link === LINK_ETHERNET),
    raw: only(link === LINK_IP),
  };
}

export function declaresTrailers({ fcsLength }: Pick<InterfaceBlock, "fcsLength">): boolean {
  return fcsLength !== undefined && fcsLength > 0;
}

function withoutTrailers({ options }: InterfaceBlock): Pick<InterfaceBlock, "fcsLength" | "options"> {
  return {
    fcsLength: undefined,
    options: options.filter(({ code }) => code !== OPTION_INTERFACE_FCS_LENGTH),
  };
}
