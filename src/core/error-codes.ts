// Every code that an error of this package can have: one table, for programs that act on errors and for docs/errors.md.

/** A stable name for what kind of mistake an error is about; `errorCodes` says what each means. */
export type ErrorCode =
  | "missing"
  | "wrong-type"
  | "out-of-range"
  | "not-one-of"
  | "malformed"
  | "unknown-option"
  | "not-for-this"
  | "contradiction"
  | "taken"
  | "not-found"
  | "closed"
  | "full"
  | "in-use"
  | "busy"
  | "out-of-memory"
  | "unsupported"
  | "damaged"
  | "worker-died"
  | "worker-late"
  | "stage-failed";

/** What each code says. They are stable: none is renamed, and none comes to mean something else. */
export const errorCodes: Readonly<Record<ErrorCode, string>> = {
  missing: "something that is required is not there",
  "wrong-type": "a value of another type than expected",
  "out-of-range": "a number, a length or a count outside of its bounds",
  "not-one-of": "a name that is none of those that are known",
  malformed: "text or bytes that cannot be read as what they should be",
  "unknown-option": "an option that does not exist",
  "not-for-this": "an option or a value that exists, but not for what it was given to",
  contradiction: "two values that exclude each other, or one without another that it needs",
  taken: "a name, a number or an address that something else has already",
  "not-found":
    "a name or a handle of something that is not there, not any more, or belongs to something else",
  closed: "something that has been closed, or has ended",
  full: "no more fit in, because of a limit that is stated",
  "in-use": "something that cannot go, because others stand on it still",
  busy: "what cannot be done while something is under way, or a second time",
  "out-of-memory": "the memory that was planned does not suffice",
  unsupported: "what this platform, or this setting of it, cannot do",
  damaged: "a capture that is damaged, cut short, or none at all",
  "worker-died": "a worker that ended and should not have",
  "worker-late": "a worker that has not answered in the time there was",
  "stage-failed": "a stage of your own that threw, or did what a stage must not",
};
