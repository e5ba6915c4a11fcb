// A stage of one's own in JavaScript: behind a decapsulation it drops what goes to a port, for a reason of its own.

import { defineStage } from "frameferry/own-stages";

const ETHERTYPE_IPV4 = 0x0800;
const TCP = 6;
const UDP = 17;

export default defineStage({
  name: "inner-port",
  reasons: ["blocked-port"],
  options(given) {
    const { port } = given ?? {};
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new RangeError("port: expected 0 to 65535");
    return { port };
  },
  run(burst, { port }) {
    for (let i = 0; i < burst.length; i++) {
      if (!burst.goesOn(i) || burst.uint16(i, 12) !== ETHERTYPE_IPV4) continue;
      const protocol = burst.uint8(i, 23);
      if (protocol !== TCP && protocol !== UDP) continue;
      // The IP header begins at 14, and says in its first byte how long it is.
      const ports = 14 + 4 * (burst.uint8(i, 14) & 15);
      if (burst.uint16(i, ports + 2) === port) burst.drop(i, "blocked-port");
    }
  },
});
