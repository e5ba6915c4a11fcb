// A switch's end of tunnels, as the kernels read it.

import { parseStation, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { knownKeys, oneOf, wholeNumber } from "../core/arguments.ts";
import { GENEVE_PORT } from "../layout/geneve.layout.ts";
import { DECAPSULATE_STRICT, DECAPSULATE_TRUST_IP, DECAPSULATE_VERIFY_UDP } from "../layout/stage.layout.ts";
import {
  SWITCH_VTEP_ADDRESS,
  SWITCH_VTEP_FLAGS,
  SWITCH_VTEP_GENEVE_PORT,
  SWITCH_VTEP_PORT,
  SWITCH_VTEP_PRESENT,
  VTEP_IPV6,
} from "../layout/switch.layout.ts";
import { VXLAN_PORT } from "../layout/vxlan.layout.ts";
import { macOfIp } from "../pipeline/write-encapsulate.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import type { VtepOptions } from "./switch-types.ts";

export class Vtep {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** UDP ports of VXLAN and of Geneve on which it listens, and by default its remotes, too. */
  readonly port: number;
  readonly genevePort: number;
  readonly #flags: number;

  constructor(options: VtepOptions) {
    knownKeys("vtep", options, ["address", "mac", "port", "genevePort", "rule", "udpChecksum", "ipChecksum"]);
    this.address = parseStation("vtep.address", options.address);
    this.mac = options.mac === undefined ? macOfIp(this.address) : parseStationMac("vtep.mac", options.mac);
    this.port = wholeNumber("vtep.port", options.port ?? VXLAN_PORT, 1, 65535);
    this.genevePort = wholeNumber("vtep.genevePort", options.genevePort ?? GENEVE_PORT, 1, 65535);
    if (this.port === this.genevePort)
      throw new ArgumentRangeError(
        "taken",
        "vtep.genevePort",
        `${this.genevePort} is the UDP port of VXLAN already`,
      );
    const strict = oneOf("vtep.rule", options.rule ?? "rfc", ["rfc", "strict"]) === "strict";
    const udp = oneOf("vtep.udpChecksum", options.udpChecksum ?? "ignore", ["ignore", "verify"]);
    const ip = oneOf("vtep.ipChecksum", options.ipChecksum ?? "verify", ["ignore", "verify"]);
    this.#flags =
      (strict ? DECAPSULATE_STRICT : 0) |
      (udp === "verify" ? DECAPSULATE_VERIFY_UDP : 0) |
      (ip === "ignore" ? DECAPSULATE_TRUST_IP : 0) |
      (this.address.length === 16 ? VTEP_IPV6 : 0);
  }

  /** Throws for an address that cannot be the other end of a tunnel. */
  checkRemote(remote: Uint8Array): void {
    // That it is one station's the first byte says of nearly all.
    const first = remote[0] as number;
    if (remote.length !== 4 || first === 0 || first >= 224) parseStation("remote", remote);
    if (remote.length !== this.address.length)
      throw new ArgumentRangeError(
        "contradiction",
        "remote",
        "it and the VTEP's address must both be IPv4 or both be IPv6",
      );
    for (let i = 0; i < remote.length; i++) if (remote[i] !== this.address[i]) return;
    throw new ArgumentRangeError("taken", "remote", "it is the VTEP's own address");
  }

  write(memory: SwitchMemory): void {
    memory.set(SWITCH_VTEP_FLAGS, this.#flags);
    memory.kernels.view.setUint16(memory.address + SWITCH_VTEP_PORT, this.port);
    memory.kernels.view.setUint16(memory.address + SWITCH_VTEP_GENEVE_PORT, this.genevePort);
    memory.kernels.bytes.set(this.address, memory.address + SWITCH_VTEP_ADDRESS);
    memory.set(SWITCH_VTEP_PRESENT, 1);
  }
}
