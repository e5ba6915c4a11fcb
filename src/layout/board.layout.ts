// How workers share the pieces of one capture in shared memory: boards, pegs on them, and seams between pieces.

// A board: the pieces of one source that are handed out. Any worker takes the next that is open. All that a worker
// touches before it has taken one stands here: boards are held until all workers have read that the source is closed,
// and everything else only as long as there are pieces.
export const BOARD_HANDED_OUT = 0; // how many there have been
export const BOARD_CLAIMED = 64; // number of the first piece that may still be open; on a cache line of its own
export const BOARD_LOW = 4; // with so many that are open, or fewer, it is time for more
export const BOARD_PEG_COUNT = 8;
export const BOARD_PEGS = 128; // piece n hangs on peg n modulo their count
export const PEG_CURSOR = 0; // address of the piece's cursor
export const PEG_STATE = 4; // one of the following
export const PEG_LENGTH = 8;

/** Nobody has the piece; its number, as far as there is room for it, in the bits below. */
export const PIECE_OPEN = 0x80000000;
export const PIECE_NUMBER_MASK = 0xffffff;
// Which worker has it, counted from 1, stands in the bits below these. Claimed: it is being copied, and waits for its
// seam. Begun: what comes of it is lost if the worker dies.
export const PIECE_CLAIMED = 0x100;
export const PIECE_BEGUN = 0x200;
export const PIECE_DONE = 0x400;
export const PIECE_WORKER_MASK = 0xff;

// A seam between two pieces, on a cache line of its own: written once, when the records of the piece in front are known.
export const SEAM_VALUE = 0; // one of the following, or SEAM_FIRST + the bytes of the range in front of the first record
export const SEAM_DOORBELL = 4; // address: where the worker sleeps that has the piece behind; 0 = not given to any
export const SEAM_LENGTH = 64;
/** Nothing is known yet. */
export const SEAM_OPEN = 0;
/** There is more than records in front: the piece behind is not to be touched. */
export const SEAM_STOP = 1;
export const SEAM_FIRST = 2;
