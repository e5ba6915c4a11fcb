// The two switches that tests run: the core and its model, behind one way to send frames through them.
import { FrameBatch, type FrameBatchOptions, type Kernels } from "frameferry";
import { SwitchCore, SwitchWorkspace } from "frameferry/switch";
import { formatMac } from "frameferry/wire";
import { SwitchModel } from "./switch-model.ts";
import type {
  CoreSwitch,
  FdbEntryView,
  FdbEventView,
  PortFrame,
  SwitchControl,
  SwitchSettings,
  SwitchTally,
  Tally,
} from "./switch-types.ts";

/** Whether the core has neighbours yet, and answers ARP requests. */
export const coreAnswersArp: boolean = "addNeighbour" in SwitchCore.prototype;

export function newCore(kernels: Kernels, options: object): CoreSwitch {
  return new SwitchCore(kernels, options) as unknown as CoreSwitch;
}

/** A switch, and frames through it. */
export interface Subject {
  readonly control: SwitchControl;
  forward(frames: readonly PortFrame[], nowMs: number): PortFrame[];
  close(): void;
}

export function modelSubject(settings: SwitchSettings, headroom = 128): Subject {
  const model = new SwitchModel(settings);
  return {
    control: model,
    forward: (frames, nowMs) => model.forward(frames, nowMs, headroom),
    close: () => {},
  };
}

export function coreSubject(
  kernels: Kernels,
  settings: SwitchSettings,
  slots: FrameBatchOptions = {},
): Subject {
  const { copies = 256, frameBytes = 1984, headroom = 128, ...options } = settings;
  const workspace = new SwitchWorkspace(kernels, { copies, frameBytes, headroom });
  const core = newCore(kernels, { ...options, workspace });
  const batch = new FrameBatch(kernels, slots);
  return {
    control: core,
    forward(frames, nowMs) {
      const outputs: PortFrame[] = [];
      batch.clear();
      for (const { port, bytes } of frames)
        if (!batch.add(bytes, { mark: port })) throw new Error("the batch is too small for this test");
      core.forward(batch, nowMs, (frame, port) => outputs.push({ port, bytes: frame.slice() }));
      return outputs;
    },
    close() {
      batch.close();
      core.close();
      workspace.close();
    },
  };
}

/** Every test of the contract is one of the model, too. */
export const subjects: readonly ("model" | "core")[] = ["model", "core"];

export function newSubject(
  which: "model" | "core",
  kernels: Kernels,
  settings: SwitchSettings,
  slots: FrameBatchOptions = {},
): Subject {
  return which === "model" ? modelSubject(settings, slots.headroom) : coreSubject(kernels, settings, slots);
}

/** One line for an entry: equal lines, equal entries. */
export function entryText({ bridgeDomain, mac, port, kind, seconds }: FdbEntryView): string {
  const where = port === undefined ? "" : ` port ${numberOf(port)}`;
  const when = kind === "static" || kind === "blackhole" ? "" : ` at ${seconds}`;
  return `${numberOf(bridgeDomain)} ${macText(mac)} ${kind}${where}${when}`;
}

export function eventText({ from, ...entry }: FdbEventView): string {
  return `${entryText(entry)}${from === undefined ? "" : ` from ${numberOf(from)}`}`;
}

/** Counters without zeroes and in one order, so that two switches' can be compared. */
export function tallyText(counters: SwitchTally): string[] {
  const { drops, ports, bridgeDomains, answered, learnRefused, ...total } = counters;
  const lines = [tallyLine("all", total), `answered ${answered.arp}, learning refused ${learnRefused}`];
  for (const [reason, count] of Object.entries(drops).sort())
    if (count !== 0) lines.push(`${reason} ${count}`);
  for (const port of [...ports].sort((a, b) => a.number - b.number)) {
    const bytes = `, ${port.receivedBytes} bytes in, ${port.sentBytes} out`;
    // The uplink's name is the switch's own affair.
    const name = port.number === 0 ? "uplink" : port.name;
    lines.push(tallyLine(`port ${port.number} ${name}`, port) + bytes);
  }
  for (const domain of [...bridgeDomains].sort((a, b) => a.id - b.id))
    lines.push(tallyLine(`domain ${domain.id} ${domain.name}`, domain));
  return lines;
}

function tallyLine(what: string, { received, copies, dropped, sent }: Tally): string {
  return `${what}: received ${received}, copies ${copies}, dropped ${dropped}, sent ${sent}`;
}

/** Throws if what a switch has counted does not add up. */
export function expectIdentities(counters: SwitchTally): void {
  const { received, copies, sent, dropped, drops } = counters;
  const claim = (what: string, left: number, right: number): void => {
    if (left !== right) throw new Error(`${what}: ${left} came, ${right} went`);
  };
  claim("all", received + copies, sent + dropped);
  claim(
    "drop reasons",
    Object.values(drops).reduce((sum, count) => sum + count, 0),
    dropped,
  );
  for (const domain of counters.bridgeDomains)
    claim(`domain ${domain.id}`, domain.received + domain.copies, domain.sent + domain.dropped);
}

function numberOf(handle: number | { readonly id: number } | { readonly number: number }): number {
  if (typeof handle === "number") return handle;
  return "id" in handle ? handle.id : handle.number;
}

function macText(mac: string | Uint8Array): string {
  return typeof mac === "string" ? mac.toLowerCase() : formatMac(mac);
}
