// The board of pieces, step by step on one thread: what workers in every state that they may die in leave to the others.
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  beginPiece,
  boardLength,
  claimPiece,
  cursorAt,
  doneBy,
  finishPiece,
  leftBy,
  putUp,
  runsLow,
  takeDown,
} from "../../build/js/src/capture/piece-board.js";
import {
  BOARD_CLAIMED,
  BOARD_LOW,
  BOARD_PEG_COUNT,
  BOARD_PEGS,
  PEG_LENGTH,
  PIECE_NUMBER_MASK,
} from "../../src/layout/board.layout.ts";
import { CURSOR_LENGTH } from "../../src/layout/cursor.layout.ts";
import { betweenSteps, type Kernels, kernels } from "./piece-support.ts";

const PLACES = 4;
const LOW = 1;

let on: Kernels;
let board: number;
let cursors: readonly number[];

beforeAll(async () => {
  on = await kernels();
});
beforeEach(() => {
  board = on.plan.reserve("a board", boardLength(PLACES));
  cursors = Array.from({ length: PLACES }, () => on.plan.reserve("a cursor", CURSOR_LENGTH));
  on.words[(board + BOARD_PEG_COUNT) >>> 2] = PLACES;
  on.words[(board + BOARD_LOW) >>> 2] = LOW;
});

const cursorOf = (number: number): number => cursors[number % PLACES] as number;

/** Where piece `number` stands on the board. */
const pegOf = (number: number): number => board + BOARD_PEGS + PEG_LENGTH * (number % PLACES);

/** The cursor of the next piece, or 0 if there is none. */
function claim(worker: number): number {
  const peg = claimPiece(on, board, worker);
  return peg === 0 ? 0 : cursorAt(on, peg);
}

/** Puts pieces up, up to number `end`. */
function putUpTo(end: number, from = 0): void {
  for (let number = from; number < end; number++) putUp(on, board, number, cursorOf(number));
}

/** What a worker gets, in turn, until there is nothing more: the numbers of the pieces. */
function claims(worker: number, first = 0): number[] {
  const numbers: number[] = [];
  for (let cursor = claim(worker); cursor !== 0; cursor = claim(worker)) {
    numbers.push(first + ((cursors.indexOf(cursor) - (first % PLACES) + PLACES) % PLACES));
  }
  return numbers;
}

/** The same as if whoever took pieces from `number` on had died before it counted. */
function claimedUpTo(number: number): void {
  on.words[(board + BOARD_CLAIMED) >>> 2] = number;
}

test("who puts a piece up hears whether workers may wait for one", () => {
  const up = (number: number): boolean => putUp(on, board, number, cursorOf(number));
  expect(up(0)).toBe(true);
  expect(up(1)).toBe(false);
  claim(1);
  expect(up(2)).toBe(false);
  claim(1);
  claim(2);
  expect(up(3)).toBe(true);
});

describe("claiming", () => {
  test("each piece once, in the order of the file, by whoever comes", () => {
    expect(claim(1)).toBe(0);
    putUpTo(3);
    expect(claim(1)).toBe(cursorOf(0));
    expect(claim(2)).toBe(cursorOf(1));
    expect(claim(1)).toBe(cursorOf(2));
    expect([claim(1), claim(2)]).toEqual([0, 0]);
    putUpTo(4, 3);
    expect(claims(2, 3)).toEqual([3]);
  });

  test("pegs are used again and again", () => {
    for (let number = 0; number < 3 * PLACES; number++) {
      putUpTo(number + 1, number);
      expect(claims(1, number)).toEqual([number]);
    }
  });

  test("a piece is done when its worker is done with it, and not before", () => {
    putUpTo(1);
    expect(doneBy(on, board, 0)).toBe(0);
    claim(3);
    expect(doneBy(on, board, 0)).toBe(0);
    beginPiece(on, pegOf(0), 3);
    expect(doneBy(on, board, 0)).toBe(0);
    finishPiece(on, pegOf(0), 3);
    expect(doneBy(on, board, 0)).toBe(3);
  });

  test("an open piece is done by nobody, whatever its number", () => {
    // Piece 1025 begins 512 MiB into a capture; its number has bits that stand for other states.
    for (let bit = 1; bit < PIECE_NUMBER_MASK; bit *= 2) {
      for (const number of [bit, bit + 1, 2 * bit - 1]) {
        putUpTo(number + 1, number);
        expect([number, doneBy(on, board, number)]).toEqual([number, 0]);
        expect(leftBy(on, board, number, 1)).toBe(false);
        expect(takeDown(on, board, number)).toBe(true);
      }
    }
  });

  test("a piece is open before it is counted: none is passed over, whenever a worker comes by", () => {
    for (let number = 0; number < 3; number++) {
      const got: number[] = [];
      betweenSteps(
        "store",
        () => got.push(claim(1)),
        () => putUpTo(number + 1, number),
      );
      got.push(claim(1));
      expect(got.filter((cursor) => cursor !== 0)).toEqual([cursorOf(number)]);
    }
  });

  test("a peg that has been used again is not taken for the piece that was there before", () => {
    putUpTo(3);
    expect(claims(1)).toEqual([0, 1, 2]);
    for (let number = 0; number < 3; number++) finishPiece(on, pegOf(number), 1);
    putUpTo(5, 3);
    // A worker that stood still has read a count of long ago.
    claimedUpTo(0);
    expect(claims(2, 3)).toEqual([3, 4]);
  });

  test("a worker that dies before it has counted what it took holds up nobody", () => {
    putUpTo(3);
    claim(1);
    claimedUpTo(0);
    expect(claims(2)).toEqual([1, 2]);
  });
});

test("there should be more as soon as no more are open than BOARD_LOW says", () => {
  expect(runsLow(on, board)).toBe(true);
  putUpTo(3);
  const low: boolean[] = [];
  do low.push(runsLow(on, board));
  while (claim(1) !== 0);
  expect(low).toEqual([false, false, true, true]);
});

describe("taking down", () => {
  test("what nobody has is gone, and the others pass it over", () => {
    putUpTo(3);
    expect(takeDown(on, board, 1)).toBe(true);
    expect(claims(1)).toEqual([0, 2]);
    expect(takeDown(on, board, 1)).toBe(false);
  });

  test("a piece that is up elsewhere is not taken for one that was here: its cursor is not looked at", () => {
    putUpTo(2);
    expect([0, 1].map((number) => takeDown(on, board, number))).toEqual([true, true]);
    const other = on.plan.reserve("another board", boardLength(PLACES));
    on.words[(other + BOARD_PEG_COUNT) >>> 2] = PLACES;
    for (const number of [0, 1]) putUp(on, other, number, cursorOf(number));
    expect(claims(1)).toEqual([]);
    expect([1, 1].map((worker) => cursorAt(on, claimPiece(on, other, worker)))).toEqual([0, 1].map(cursorOf));
  });

  test("what a worker has, or is done with, stays with it", () => {
    putUpTo(1);
    claim(1);
    expect(takeDown(on, board, 0)).toBe(false);
    beginPiece(on, pegOf(0), 1);
    expect(takeDown(on, board, 0)).toBe(false);
    finishPiece(on, pegOf(0), 1);
    expect(takeDown(on, board, 0)).toBe(false);
    expect(doneBy(on, board, 0)).toBe(1);
  });
});

describe("a worker that has ended", () => {
  test("leaves what it had only claimed to the others, who look there again", () => {
    putUpTo(4);
    expect([1, 2, 1, 2].map((worker) => claim(worker))).toEqual([...cursors]);
    const left = [0, 1, 2, 3].map((number) => leftBy(on, board, number, 1));
    // Nothing of it is lost, and what the other worker has stays with that.
    expect(left).toEqual([false, false, false, false]);
    expect(claims(3)).toEqual([0, 2]);
  });

  test("leaves pieces in any order, and new ones are found behind them", () => {
    putUpTo(3);
    expect(claims(1)).toEqual([0, 1, 2]);
    for (const number of [2, 0, 1]) expect(leftBy(on, board, number, 1)).toBe(false);
    putUpTo(4, 3);
    expect(claims(2)).toEqual([0, 1, 2, 3]);
  });

  test("takes what it had begun with it", () => {
    putUpTo(2);
    expect(claims(1)).toEqual([0, 1]);
    beginPiece(on, pegOf(0), 1);
    expect(leftBy(on, board, 0, 2)).toBe(false);
    expect(leftBy(on, board, 0, 1)).toBe(true);
    expect(claims(2)).toEqual([]);
  });

  test("has left nothing of what it was done with, or never had", () => {
    putUpTo(2);
    claim(1);
    beginPiece(on, pegOf(0), 1);
    finishPiece(on, pegOf(0), 1);
    expect([0, 1].map((number) => leftBy(on, board, number, 1))).toEqual([false, false]);
    expect(doneBy(on, board, 0)).toBe(1);
    expect(claims(2)).toEqual([1]);
  });
});
