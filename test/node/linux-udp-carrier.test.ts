// The carrier of Linux does what that of Node does: the same suite, with the one in place of the other.

import { describe, expect, test, vi } from "vitest";
import { loadNative } from "../../build/js/src/linux/libc.js";

vi.mock("frameferry/node", async (original) => {
  const { openUdpCarrier } = await import("frameferry/linux");
  return { ...(await original<object>()), openUdpCarrier };
});

const missing = await loadNative().then(
  () => undefined,
  (error: Error) => error.message,
);

// Without koffi, or where there is no Linux, none can be opened: the whole suite is skipped, under a name that says why. It is not
// loaded then, since it would test the carrier of Node a second time.
if (missing !== undefined)
  describe.skip(`a UDP carrier of Linux: ${missing}`, () => test("skipped", () => {}));
else {
  test("it is the one of Linux", async () => {
    const [{ openUdpCarrier }, { LinuxUdpCarrier }] = [
      await import("frameferry/node"),
      await import("frameferry/linux"),
    ];
    const carrier = await openUdpCarrier({ local: "127.0.0.1", ports: 0 });
    expect(carrier).toBeInstanceOf(LinuxUdpCarrier);
    await carrier.close();
  });
  await import("./udp-carrier.test.ts");
}
