// The board of a capture that workers read themselves: this thread puts pieces up, and whichever worker has nothing else
// to do takes the next. So none waits for another that has more to do, or no core at the moment.

import type { Kernels } from "../kernel/kernels.ts";
import {
  BOARD_CLAIMED,
  BOARD_HANDED_OUT,
  BOARD_LOW,
  BOARD_PEG_COUNT,
  BOARD_PEGS,
  PEG_CURSOR,
  PEG_LENGTH,
  PEG_STATE,
  PIECE_BEGUN,
  PIECE_CLAIMED,
  PIECE_DONE,
  PIECE_NUMBER_MASK,
  PIECE_OPEN,
  PIECE_WORKER_MASK,
} from "../layout/board.layout.ts";

export function boardLength(pegs: number): number {
  return BOARD_PEGS + PEG_LENGTH * pegs;
}

/** The address of the cursor of the piece at `peg`. */
export function cursorAt({ words }: Kernels, peg: number): number {
  return words[(peg + PEG_CURSOR) >>> 2] as number;
}

/**
 * Puts piece `number` up, which is all there is of it: its cursor must say everything else. True if no other was open:
 * then workers may sleep for want of one.
 */
export function putUp(kernels: Kernels, board: number, number: number, cursor: number): boolean {
  const { words } = kernels;
  const peg = pegOf(kernels, board, number);
  words[(peg + PEG_CURSOR) >>> 2] = cursor;
  Atomics.store(words, (peg + PEG_STATE) >>> 2, openState(number));
  Atomics.store(words, (board + BOARD_HANDED_OUT) >>> 2, number + 1);
  // Only now: a worker says that it sleeps, and then looks for the piece.
  return Atomics.load(words, (board + BOARD_CLAIMED) >>> 2) >= number;
}

/** Takes the next open piece for a worker, counted from 1; the address of its peg, or 0 if there is none. */
export function claimPiece(kernels: Kernels, board: number, worker: number): number {
  const { words } = kernels;
  const claimed = (board + BOARD_CLAIMED) >>> 2;
  for (;;) {
    const number = Atomics.load(words, claimed);
    if (number === Atomics.load(words, (board + BOARD_HANDED_OUT) >>> 2)) return 0;
    const peg = pegOf(kernels, board, number);
    const open = openState(number);
    // The number is compared as well: while this thread stood still, the peg may have been used again.
    const won =
      Atomics.compareExchange(words, (peg + PEG_STATE) >>> 2, open, PIECE_CLAIMED | worker) === open;
    // Whoever comes by counts on: who took it may have died at once.
    Atomics.compareExchange(words, claimed, number, number + 1);
    if (won) return peg;
  }
}

/** Whether there are so few open pieces that there should be more. */
export function runsLow({ words }: Kernels, board: number): boolean {
  const open =
    Atomics.load(words, (board + BOARD_HANDED_OUT) >>> 2) -
    Atomics.load(words, (board + BOARD_CLAIMED) >>> 2);
  return open <= (words[(board + BOARD_LOW) >>> 2] as number);
}

/** For the worker that has taken the piece at `peg`. */
export function beginPiece({ words }: Kernels, peg: number, worker: number): void {
  Atomics.store(words, (peg + PEG_STATE) >>> 2, PIECE_BEGUN | worker);
}

export function finishPiece({ words }: Kernels, peg: number, worker: number): void {
  Atomics.store(words, (peg + PEG_STATE) >>> 2, PIECE_DONE | worker);
}

/** The worker that is done with piece `number`, counted from 1; 0 as long as none is. */
export function doneBy(kernels: Kernels, board: number, number: number): number {
  const state = Atomics.load(kernels.words, (pegOf(kernels, board, number) + PEG_STATE) >>> 2);
  return (state & (PIECE_OPEN | PIECE_DONE)) !== PIECE_DONE ? 0 : state & PIECE_WORKER_MASK;
}

/** Takes the piece back, if no worker has taken it yet. */
export function takeDown(kernels: Kernels, board: number, number: number): boolean {
  const open = openState(number);
  const state = (pegOf(kernels, board, number) + PEG_STATE) >>> 2;
  return Atomics.compareExchange(kernels.words, state, open, 0) === open;
}

/**
 * What becomes of piece `number` when a worker has ended: one that it had only claimed is put up again; true if it had
 * begun, so that what comes of it is lost.
 */
export function leftBy(kernels: Kernels, board: number, number: number, worker: number): boolean {
  const { words } = kernels;
  const peg = pegOf(kernels, board, number);
  const state = Atomics.load(words, (peg + PEG_STATE) >>> 2);
  if (state === (PIECE_CLAIMED | worker)) {
    Atomics.store(words, (peg + PEG_STATE) >>> 2, openState(number));
    // The others look from there on again, and pass over what is not open.
    const claimed = (board + BOARD_CLAIMED) >>> 2;
    for (let count = Atomics.load(words, claimed); count > number; ) {
      const before = Atomics.compareExchange(words, claimed, count, number);
      if (before === count) break;
      count = before;
    }
  }
  return state === (PIECE_BEGUN | worker);
}

function pegOf({ words }: Kernels, board: number, number: number): number {
  return board + BOARD_PEGS + PEG_LENGTH * (number % (words[(board + BOARD_PEG_COUNT) >>> 2] as number));
}

function openState(number: number): number {
  return (PIECE_OPEN | (number & PIECE_NUMBER_MASK)) >>> 0;
}
