// A switch's end of tunnels, as the kernels read it.

import { station, stationMac } from "../core/address-fields.ts";
import { macOfIp, parseStation, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, choice, type Field, type Fields, object, whole } from "../core/fields.ts";
import { DECAPSULATE_STRICT, DECAPSULATE_TRUST_IP, DECAPSULATE_VERIFY_UDP } from "../layout/stage.layout.ts";
import {
  SWITCH_FORM_COUNT,
  SWITCH_FORMS,
  SWITCH_VTEP_ADDRESS,
  SWITCH_VTEP_FLAGS,
  SWITCH_VTEP_PRESENT,
  VTEP_IPV6,
} from "../layout/switch.layout.ts";
import { FORM_LENGTH } from "../layout/tunnel.layout.ts";
import { writeForm } from "../tunnel/form.ts";
import { portOf, TUNNEL_ROWS, type UdpTunnelKind } from "../tunnel/kinds.ts";
import type { SwitchMemory } from "./switch-memory.ts";
import type { VtepOptions } from "./switch-types.ts";

type Ports = { readonly [K in UdpTunnelKind]?: number | undefined };

const PORTS = Object.fromEntries(
  TUNNEL_ROWS.filter((row) => portOf(row) !== undefined).map((row): [string, Field<number>] => [
    row.name,
    { ...whole(1, 65535), fallback: portOf(row) as number },
  ]),
) as Fields<Ports>;

export const VTEP_FIELDS: Fields<VtepOptions, "address" | "rule" | "udpChecksum" | "ipChecksum"> = {
  address: { ...station(), required: true },
  mac: stationMac(),
  ports: object<Ports>(PORTS),
  rule: { ...choice("rfc", "strict"), fallback: "rfc" },
  udpChecksum: { ...choice("ignore", "verify"), fallback: "ignore" },
  ipChecksum: { ...choice("ignore", "verify"), fallback: "verify" },
};

export class Vtep {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** Of each kind by number: the UDP port on which it listens, and by default its remotes, too; 0 for those over GRE. */
  readonly ports: readonly number[];
  readonly #flags: number;

  constructor(options: VtepOptions) {
    const {
      address,
      mac,
      ports = {},
      rule,
      udpChecksum,
      ipChecksum,
    } = checkFields("vtep", VTEP_FIELDS, options, "vtep.");
    this.address = parseStation("vtep.address", address);
    this.mac = mac === undefined ? macOfIp(this.address) : parseStationMac("vtep.mac", mac);
    this.ports = portsOf(ports);
    this.#flags =
      (rule === "strict" ? DECAPSULATE_STRICT : 0) |
      (udpChecksum === "verify" ? DECAPSULATE_VERIFY_UDP : 0) |
      (ipChecksum === "ignore" ? DECAPSULATE_TRUST_IP : 0) |
      (this.address.length === 16 ? VTEP_IPV6 : 0);
  }

  /** Throws for an address that cannot be the other end of a tunnel. */
  checkRemote(remote: Uint8Array): void {
    // That it is one station's the first byte says of nearly all.
    const first = remote[0] as number;
    if (remote.length !== 4 || first === 0 || first >= 224) parseStation("remote", remote);
    if (remote.length !== this.address.length) {
      const sentence = "it and the VTEP's address must both be IPv4 or both be IPv6";
      throw new ArgumentRangeError("contradiction", "remote", sentence);
    }
    for (let i = 0; i < remote.length; i++) if (remote[i] !== this.address[i]) return;
    throw new ArgumentRangeError("taken", "remote", "it is the VTEP's own address");
  }

  write(memory: SwitchMemory): void {
    memory.set(SWITCH_VTEP_FLAGS, this.#flags);
    memory.set(SWITCH_FORM_COUNT, TUNNEL_ROWS.length);
    for (const row of TUNNEL_ROWS) {
      const form = memory.address + SWITCH_FORMS + row.number * FORM_LENGTH;
      writeForm(row, this.ports[row.number] as number, memory.kernels.view, form);
    }
    memory.kernels.bytes.set(this.address, memory.address + SWITCH_VTEP_ADDRESS);
    memory.set(SWITCH_VTEP_PRESENT, 1);
  }
}

/** The port of each kind, by number. */
function portsOf(chosen: Ports): number[] {
  const ports = TUNNEL_ROWS.map((row) => chosen[row.name as UdpTunnelKind] ?? portOf(row) ?? 0);
  for (const { name, number } of TUNNEL_ROWS) {
    const twin = ports.indexOf(ports[number] as number);
    if (ports[number] === 0 || twin === number) continue;
    const sentence = `${ports[number]} is the UDP port of ${TUNNEL_ROWS[twin]?.title} already`;
    throw new ArgumentRangeError("taken", `vtep.ports.${name}`, sentence);
  }
  return ports;
}
