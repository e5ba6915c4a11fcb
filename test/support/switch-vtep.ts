// Switches with two tunnels of a kind, and packets for them.
import type { Kernels, TunnelKind } from "frameferry";
import { type PacketFields, tunnelPacket, UNDERLAYS } from "./switch-frames.ts";
import { Scene } from "./switch-scene.ts";
import type {
  DomainHandle,
  PortHandle,
  SwitchControl,
  SwitchSettings,
  TunnelSettings,
} from "./switch-types.ts";

/** A VNI that can be a VSID, too, and the last such. */
export const VNI = 0x123456;
export const LAST_VNI = 0xfffffe;

export interface VtepScene {
  readonly scene: Scene;
  readonly sw: SwitchControl;
  readonly orange: DomainHandle;
  readonly blue: DomainHandle;
  /** An access port of each domain. */
  readonly vm: PortHandle;
  readonly box: PortHandle;
  /** Tunnels to the first two remotes: of orange, and of both. */
  readonly one: PortHandle;
  readonly two: PortHandle;
}

export interface VtepScenes {
  vtep(tunnel?: Partial<TunnelSettings>, more?: SwitchSettings["vtep"]): VtepScene;
  /** What the first remote sends around a passenger, unless told otherwise. */
  packet(passenger: Uint8Array, fields?: Partial<PacketFields>): Uint8Array;
}

export function vtepScenes(
  which: "model" | "core",
  kernels: () => Kernels,
  kind: TunnelKind,
  family: "ipv4" | "ipv6",
): VtepScenes {
  const { local, remotes } = UNDERLAYS[family];
  return {
    vtep(tunnel = {}, more = { address: local }) {
      const scene = new Scene(which, kernels(), { vtep: { ...more, address: local } });
      const { sw } = scene;
      const [orange, blue] = [sw.addBridgeDomain({ vni: VNI }), sw.addBridgeDomain({ vni: LAST_VNI })];
      const vm = sw.addPort({ bridgeDomain: orange });
      const one = sw.addTunnel({ kind, remote: remotes[0]!, bridgeDomains: [orange], ...tunnel });
      const two = sw.addTunnel({ kind, remote: remotes[1]!, bridgeDomains: [orange, blue] });
      const box = sw.addPort({ bridgeDomain: blue });
      return { scene, sw, orange, blue, vm, one, two, box };
    },
    packet: (passenger, fields = {}) =>
      tunnelPacket({ kind, source: remotes[0]!, destination: local, vni: VNI, ...fields }, passenger),
  };
}
