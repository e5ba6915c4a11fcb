// A fault of one case, with the smallest input that still shows it.

export interface CaseFault {
  readonly where: string;
  readonly what: string;
  /** In hex: frames one by one, or a capture. */
  readonly input: readonly string[];
}
