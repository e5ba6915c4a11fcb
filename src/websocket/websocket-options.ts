// What ports over WebSockets are told.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { type Fields, type Kind, text, whole } from "../core/fields.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";

/** What each port over a WebSocket has. */
export interface WebSocketOptions {
  /** 46 to 65,535, default 1,500: bounds what is sent. */
  readonly mtu?: number | undefined;
  /** Bytes that the WebSocket may have and not have sent before nothing more is taken: 65,536 to 2^31, default 1 MiB. */
  readonly bufferBytes?: number | undefined;
  /** Most frames that wait to be taken: 1 to 2^31, default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Most bytes that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
  /** Sent in front of all frames, as text, by whoever opens, and asked for by whoever listens: 1 to 4,096 characters. */
  readonly token?: string | undefined;
}

export type WebSocketDefaults = "mtu" | "bufferBytes" | "queueFrames" | "queueBytes";

const TOKEN_CHARACTERS = 4096;

function token(): Kind<string> {
  const expected = `a string of 1 to ${TOKEN_CHARACTERS} characters`;
  const check = (path: string, value: unknown): string => {
    const given = text().check(path, value);
    if (given.length > 0 && given.length <= TOKEN_CHARACTERS) return given;
    // Not the token itself: errors are written down.
    throw new ArgumentRangeError("out-of-range", path, `expected ${expected}, got ${given.length}`);
  };
  return { expected, check };
}

export const webSocketFields: Fields<WebSocketOptions, WebSocketDefaults> = {
  mtu: { ...whole(46, 65535), fallback: 1500 },
  bufferBytes: { ...whole(1 << 16, 2 ** 31), fallback: 1 << 20 },
  ...QUEUE_FIELDS,
  token: token(),
};
