// The control socket of a running VTEP: one line asks, one line answers, both JSON; a capture is answered by the capture itself,
// which begins with another byte. Whoever may open the file may ask, and that is its owner alone.

import { once } from "node:events";
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { inTime } from "../core/in-time.ts";
import { BadConfiguration } from "./failures.ts";
import { type CaptureQuestion, captureInto } from "./vtep-capture.ts";
import type { Vtep } from "./vtep-daemon.ts";
import { isQuestion, QUESTIONS } from "./vtep-state.ts";
import { type TraceQuestion, traceFrame } from "./vtep-trace.ts";

const OWNER_ALONE = 0o600;
/** Of files that are made meanwhile: nothing for others. */
const NO_RIGHTS = 0o177;
/** A question is a word, a filter, or the digits of a frame. */
const QUESTION_MAXIMUM = 1 << 18;
/** Whoever has asked nothing by then asks nothing any more. */
const PATIENCE_MILLISECONDS = 5000;
const MOST_AT_ONCE = 16;

/** By what a running VTEP can be asked. */
export interface Asked {
  /** Nobody is answered any more; captures end whole, within a second. */
  close(): Promise<void>;
}

/**
 * Listens at `path`. A file that a program has left there which is no more is taken away.
 * @throws BadConfiguration if something else is there, or nothing can be.
 */
export async function openControl(file: string, path: string, vtep: Vtep): Promise<Asked> {
  const captures = new Set<() => Promise<void>>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.setTimeout(PATIENCE_MILLISECONDS, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("data", (more: string) => {
      text += more;
      if (text.includes("\n")) {
        socket.removeAllListeners("data");
        socket.resume();
        void answer(socket, text, vtep, captures);
      } else if (text.length > QUESTION_MAXIMUM) socket.destroy();
    });
    socket.on("end", () => socket.end());
  });
  server.maxConnections = MOST_AT_ONCE;
  try {
    await listen(server, path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code !== "EADDRINUSE" || !(await isForsaken(path)))
      throw new BadConfiguration(file, `control: ${sentenceOf(code, path)}`);
    unlinkSync(path);
    await listen(server, path);
  }
  return {
    close: async () => {
      server.close();
      await inTime(Promise.all([...captures].map((end) => end())));
    },
  };
}

async function answer(
  socket: Socket,
  text: string,
  vtep: Vtep,
  captures: Set<() => Promise<void>>,
): Promise<void> {
  try {
    const { question, ...asked } = JSON.parse(text) as { question?: unknown };
    if (question === "capture") {
      const end = await captureInto(socket, asked as CaptureQuestion, vtep);
      // It may be long before a frame comes.
      socket.setTimeout(0);
      captures.add(end);
      socket.on("close", () => void captures.delete(end));
      return;
    }
    if (question === "trace") socket.end(lineOf({ trace: await traceFrame(vtep, asked as TraceQuestion) }));
    else if (isQuestion(question)) socket.end(lineOf({ [question]: QUESTIONS[question](vtep) }));
    else
      socket.end(
        lineOf({ error: `unknown (known: ${[...Object.keys(QUESTIONS), "trace", "capture"].join(", ")})` }),
      );
  } catch (error) {
    socket.end(lineOf({ error: (error as Error).message }));
  }
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

async function listen(server: Server, path: string): Promise<void> {
  const before = process.umask(NO_RIGHTS);
  try {
    // The file is made within the call.
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await once(server, "listening");
  chmodSync(path, OWNER_ALONE);
}

/** Whether it is a socket at which nobody answers any more. */
async function isForsaken(path: string): Promise<boolean> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return false;
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}

function sentenceOf(code: string, path: string): string {
  if (code === "EADDRINUSE") return `another program has ${path} already`;
  if (code === "EACCES" || code === "EPERM") return `the system does not let this program make ${path}`;
  if (code === "ENOENT") return `there is no folder for ${path}`;
  return `${path} cannot be listened at: ${code}`;
}

/**
 * Asks the program at `path`, and gives the line that it answers.
 * @throws NodeJS.ErrnoException if nobody is there.
 */
export async function ask(path: string, question: string, more: object = {}): Promise<string> {
  const socket = await asked(path, { ...more, question });
  socket.setEncoding("utf8");
  let text = "";
  for await (const more of socket) text += more;
  return text;
}

/**
 * Asks the program at `path` for a capture, and gives its bytes as they come; or what is wrong with the question.
 * @throws NodeJS.ErrnoException if nobody is there.
 */
export async function askForCapture(path: string, question: CaptureQuestion): Promise<Socket> {
  return await asked(path, { ...question, question: "capture" });
}

async function asked(path: string, question: object): Promise<Socket> {
  const socket = connect(path);
  await once(socket, "connect");
  socket.write(lineOf(question));
  return socket;
}
