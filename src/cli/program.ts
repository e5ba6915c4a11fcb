// The command line. Only the command that is asked for is loaded, so that help and small captures are quick.

import { Command } from "commander";
import { abandonedFiles } from "../platform/temporary-files.ts";
import { explain, say } from "./failures.ts";
import { print } from "./print.ts";

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<(command: Command) => void>;
}

const commands: Readonly<Record<string, Entry>> = {
  inspect: {
    summary: "show the layers of each frame, one line a frame",
    load: async () => (await import("./inspect.ts")).defineInspect,
  },
  decap: {
    summary: "take tunnels off the frames of a capture",
    load: async () => (await import("./decap.ts")).defineDecap,
  },
  encap: {
    summary: "put the frames of a capture, or the packets in them, into a tunnel",
    load: async () => (await import("./encap.ts")).defineEncap,
  },
  vlan: {
    summary: "push, pop or rewrite the VLAN tags of a capture",
    load: async () => (await import("./vlan.ts")).defineVlan,
  },
  filter: {
    summary: "take the frames out of a capture that match an expression, as tcpdump does",
    load: async () => (await import("./filter.ts")).defineFilter,
  },
  sample: {
    summary: "take one frame in so many out of a capture, or whole flows",
    load: async () => (await import("./sample.ts")).defineSample,
  },
  truncate: {
    summary: "keep the first bytes of each frame, as a capture's snap length does",
    load: async () => (await import("./truncate.ts")).defineTruncate,
  },
  dedup: {
    summary: "take out frames that are the same as one just before, as mirrors give them",
    load: async () => (await import("./dedup.ts")).defineDedup,
  },
  rate: {
    summary: "let so many frames or bits a second through, of all or of each flow or address",
    load: async () => (await import("./rate.ts")).defineRate,
  },
  rewrite: {
    summary: "put other MACs, VLANs, addresses, ports, DSCPs and TTLs into a capture; checksums stay right",
    load: async () => (await import("./rewrite.ts")).defineRewrite,
  },
  anonymise: {
    summary: "put other addresses in place of those in a capture, in tunnels too, and take payload away",
    load: async () => (await import("./anonymise.ts")).defineAnonymise,
  },
  count: {
    summary: "count frames and bytes of a capture by VNI, addresses, ports",
    load: async () => (await import("./count.ts")).defineCount,
  },
  stats: {
    summary: "tell what a capture holds: conversations, tunnels, protocols, sizes, over time",
    load: async () => (await import("./stats.ts")).defineStats,
  },
  switch: {
    summary: "run captures through a switch with VLANs, bridge domains and tunnels",
    load: async () => (await import("./switch.ts")).defineSwitch,
  },
  lab: {
    summary: "run whole networks: data centres, VPCs, Kubernetes, and see what arrives where",
    load: async () => (await import("./lab.ts")).defineLab,
  },
  demo: {
    summary: "see it work: two tenants and their pods on shared hosts, with pictures",
    load: async () => (await import("./demo.ts")).defineDemo,
  },
  bench: {
    summary: "compare the kernels with plain JavaScript, in about 20 seconds",
    load: async () => (await import("./bench.ts")).defineBench,
  },
  completion: {
    summary: "print the completion for a shell: bash, zsh or fish",
    load: async () => {
      const { defineCompletion } = await import("./completion.ts");
      return (command) => defineCompletion(command, wholeProgram);
    },
  },
  man: {
    summary: "print the manual page",
    load: async () => {
      const { defineManual } = await import("./manual.ts");
      return (command) => defineManual(command, wholeProgram, EXAMPLES);
    },
  },
};

const EXAMPLES = `
Examples:
  frameferry demo
  frameferry inspect capture.pcap
  frameferry decap overlay.pcap -o passengers.pcap
  tcpdump -U -w - udp port 4789 | frameferry decap - -o - | tcpdump -n -r -

Exit codes: 0 good; 1 a file that cannot be read or written, is no capture or is damaged (what lies before the
damage has been worked on), or a lab ping without an answer; 2 bad usage. - stands for standard input or output.`;

/** Runs what `args` say; resolves with the exit code. */
export async function run(args: readonly string[], version: string): Promise<number> {
  // Writes report their failures themselves; a reader that has gone must not end the process with a stack trace.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  // Help and version are printed like everything else: a full disk must not pass for success.
  let help = "";
  const program = bareProgram(version, (text) => {
    help += text;
  });
  // The first argument that names a command is the command, or the one that help is asked for.
  const wanted = args.find((arg) => Object.hasOwn(commands, arg));
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary);
    if (name === wanted) (await load())(command);
  }
  try {
    await program.parseAsync(args, { from: "user" });
    sayAbandoned();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    const command = namedCommand(program, args);
    try {
      if (help !== "") await print(help);
    } catch (failure) {
      return explain(failure, command);
    }
    return explain(error, command);
  }
}

/** The program without its commands. */
function bareProgram(version: string, writeOut: (text: string) => void): Command {
  return new Command("frameferry")
    .description(
      "Ferries Ethernet frames of captures into and out of tunnels and VLANs, and through switches.",
    )
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      outputError: () => {},
      writeOut,
    })
    .addHelpText("after", EXAMPLES);
}

/** The program with all commands and all their options. */
async function wholeProgram(): Promise<Command> {
  const program = bareProgram("", () => {});
  for (const [name, { summary, load }] of Object.entries(commands))
    (await load())(program.command(name).description(summary));
  return program;
}

/** Runs that were killed outright leave behind what they were writing. */
function sayAbandoned(): void {
  const [first, ...more] = abandonedFiles();
  if (first === undefined) return;
  const others = more.length === 0 ? "" : ` and ${more.length} more`;
  say(
    `frameferry: ${first}${others}: left unfinished by a run that was killed; delete what nobody writes any more`,
  );
}

/** `frameferry vlan push` for the arguments that begin so. */
function namedCommand(program: Command, args: readonly string[]): string {
  let command = program;
  let name = program.name();
  for (const arg of args) {
    const next = command.commands.find((candidate) => candidate.name() === arg);
    if (next === undefined) break;
    command = next;
    name += ` ${arg}`;
  }
  return name;
}
