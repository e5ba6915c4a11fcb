// What every project here does with frameferry: frames through two workers, into a tunnel and out again.

const FRAMES = 1000;

/** Frames of 1,000 flows, from the shortest Ethernet frame to the longest, no two alike. */
export function makeFrames() {
  return Array.from({ length: FRAMES }, (_, index) => {
    const frame = new Uint8Array(60 + ((index * 97) % 1455));
    for (let at = 0; at < frame.length; at++) frame[at] = (at * 31 + index * 7) & 0xff;
    frame.set([2, 0, 0, 0, index >>> 8, index & 0xff, 2, 1, 0, 0, index >>> 8, index & 0xff, 0x88, 0xb5]);
    return frame;
  });
}

/** Sends the frames through the dataplane; says what came back, or which error there was. */
export async function ferry(openDataplane) {
  let dataplane;
  try {
    dataplane = await openDataplane();
    const channel = await dataplane.open([
      { stage: "encapsulate", kind: "vxlan", vni: 42, local: "10.1.5.7", remote: "10.1.5.8" },
      { stage: "decapsulate", kind: "vxlan", vni: 42 },
    ]);
    const frames = makeFrames();
    const marks = Array.from(frames.keys());
    const sending = channel.sendAll(frames, { marks }).then(() => channel.end());
    const identical = new Set();
    let received = 0;
    for await (const burst of channel) {
      for (let index = 0; index < burst.length; index++, received++) {
        const mark = burst.mark(index);
        const same = burst.vni(index) === 42 && sameBytes(burst.frame(index), frames[mark]);
        if (same) identical.add(mark);
      }
    }
    await sending;
    return {
      transport: dataplane.transport,
      workers: dataplane.workers,
      received,
      identical: identical.size,
    };
  } catch (error) {
    return { error: `${error?.name}: ${error?.message}` };
  } finally {
    await dataplane?.close();
  }
}

function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
