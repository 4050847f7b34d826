/**
 * What a fault test is: one promise of the README, broken on purpose as often as its time allows.
 *
 * Glossary: a *breach* is a promise that did not hold; a *control* is the same run with the protection taken off, and must show *harm*.
 */

import type { Evidence } from './evidence.ts';

/** What a run counted. `harm` is what the protection is there to prevent; `ok` holds only when it is 0 and all else held too. */
export interface Counts {
  readonly ok: boolean;
  readonly harm: number;
  readonly [figure: string]: number | boolean | string;
}
export interface RunOptions {
  /** The same seed strikes at the same places of the same plan; the machine decides what is under way there. */
  readonly seed: number;
  readonly full: boolean;
  /** With the protection off. */
  readonly control: boolean;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Kept when the run ends in a breach. */
  readonly evidence: Evidence;
  /** The URL of a fresh migrated database on a PostgreSQL with its default durability. */
  readonly database: () => Promise<string>;
}
export interface FaultTest {
  readonly id: string;
  readonly title: string;
  /** Another test that is this one's control; absent: this one's own run with `control`. */
  readonly controlledBy?: string;
  /** True for a test that is a control itself: it holds when it shows harm. */
  readonly isControl?: boolean;
  /** The documented limit: behind a longer pause of a process, of the machine or of PostgreSQL the promise does not hold. */
  readonly pauseLimitMs?: number;
  run(options: RunOptions): Promise<Counts>;
}
