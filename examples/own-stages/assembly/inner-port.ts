// The same as ../inner-port.js, in AssemblyScript: behind a decapsulation it drops what goes to the port that the first word of
// the parameters says. Compiled by
//
//   asc inner-port.ts --importMemory --noExportMemory --sharedMemory --initialMemory 1 --maximumMemory 65536
//     --enable threads --runtime stub --use abort= -O3 --outFile inner-port.wasm
//
// from this folder, so that `drop` is imported from `frameferry`. The numbers are those of docs/own-stages.md.

import { drop } from "./frameferry";

const DESCRIPTOR_LENGTH = 32;
const FRAME_LENGTH: usize = 4;
const VERDICT: usize = 16;
const ETHERTYPE_IPV4 = 0x0800;
const TCP = 6;
const UDP = 17;

/** Of what a module may rely on. */
export const version: i32 = 1;

export function run(descriptors: usize, count: u32, parameters: usize, _state: usize, counters: usize): void {
  const port = load<u32>(parameters);
  const reason = load<u32>(parameters - 4);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, VERDICT) !== 0) continue;
    const frame: usize = load<u32>(d);
    const length = load<u32>(d, FRAME_LENGTH);
    if (length < 34 || bswap(load<u16>(frame, 12)) !== ETHERTYPE_IPV4) continue;
    const protocol = load<u8>(frame, 23);
    if (protocol !== TCP && protocol !== UDP) continue;
    // The IP header begins at 14, and says in its first byte how long it is.
    const ports: u32 = 14 + 4 * (load<u8>(frame, 14) & 15);
    if (length < ports + 4) continue;
    if (<u32>bswap(load<u16>(frame + ports, 2)) === port) drop(d, reason, counters);
  }
}
